"""What several tests build on: histories, servers and clients. Holds no claim of its own."""
