-- The shop's report by a query of one's own; DuckDB's SQL over CSV, Parquet or JSON files.
SELECT day, use_case, outcomes, revenue FROM read_csv('report.csv') WHERE use_case = 'assistant'
