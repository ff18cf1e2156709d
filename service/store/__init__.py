"""SQL: the tables, their migrations, and one module of queries per thing kept."""
