"""What `tamga bench` measures: a record of any size, bare peers, one file for each measurement."""
