"""The commands of `tamga`, one file each; `service.cli` gathers them. They use the service, the service never them."""
