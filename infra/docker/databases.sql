-- run once, by an empty Postgres; the database `prefect` is made by POSTGRES_DB
CREATE DATABASE mlflow;
