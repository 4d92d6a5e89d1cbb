-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  COALESCE(SUM("t6"."missing"), 0) AS "lost"
FROM (
  SELECT
    "t5"."node",
    MAX("t5"."sequence") - COUNT(DISTINCT "t5"."sequence") AS "missing"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t0"."node",
          "t0"."sequence"
        FROM "all_p" AS "t0"
      ) AS "t2"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          "t1"."node",
          "t1"."sequence"
        FROM "all_o" AS "t1"
      ) AS "t3"
    ) AS "t4"
    WHERE
      "t4"."sequence" > 0
  ) AS "t5"
  GROUP BY
    1
) AS "t6"
