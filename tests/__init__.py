"""Claims about Tamga, held against real files, servers and processes."""
