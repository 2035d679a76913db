#!/bin/bash
# Run once by the postgres image, on an empty data folder, as its superuser. Makes the database and two roles without
# any right of their own elsewhere: tamga_owner owns the tables (`tamga migrate`), tamga_node is what nodes log in as.
# What tamga_node may do is granted by `tamga migrate --role tamga_node`, beside the tables it concerns.
set -euo pipefail

psql --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    --set owner_password="$TAMGA_OWNER_PASSWORD" --set node_password="$TAMGA_NODE_PASSWORD" <<'SQL'
CREATE ROLE tamga_owner LOGIN PASSWORD :'owner_password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
CREATE ROLE tamga_node LOGIN PASSWORD :'node_password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
CREATE DATABASE tamga OWNER tamga_owner;
REVOKE ALL ON DATABASE tamga FROM PUBLIC;
GRANT CONNECT ON DATABASE tamga TO tamga_node;
\connect tamga
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
