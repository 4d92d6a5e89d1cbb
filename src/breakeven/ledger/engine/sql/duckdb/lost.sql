-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  COALESCE(SUM("t12"."missing"), 0) AS "lost"
FROM (
  SELECT
    "t11"."node",
    MAX("t11"."sequence") - COUNT(DISTINCT "t11"."sequence") AS "missing"
  FROM (
    SELECT
      *
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
        ) AS "t4"
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            "t1"."node",
            "t1"."sequence"
          FROM "all_o" AS "t1"
        ) AS "t5"
      ) AS "t8"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          *
        FROM (
          SELECT
            "t2"."node",
            "t2"."sequence"
          FROM "all_b" AS "t2"
        ) AS "t6"
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            *
          FROM "dropped" AS "t3"
        ) AS "t7"
      ) AS "t9"
    ) AS "t10"
    WHERE
      "t10"."sequence" > 0
  ) AS "t11"
  GROUP BY
    1
) AS "t12"
