"""The ledger's questions, written once in Ibis: compiled to the committed DuckDB SQL, and run on Apache Spark.

Needs the extra `spark`. Nothing that the default engine imports lies here.
"""
