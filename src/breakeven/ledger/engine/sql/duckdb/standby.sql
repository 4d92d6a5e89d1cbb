-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    "t10"."deployment",
    "t10"."hour",
    MAX("t10"."model") AS "model",
    COALESCE(SUM(CAST("t10"."cost_pico_usd" AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS "cost_pico_usd",
    COALESCE(SUM("t10"."up_ns"), CAST(0 AS DECIMAL(38, 0))) AS "up_ns",
    MAX(
      CASE "t10"."basis"
        WHEN 'measured'
        THEN 0
        WHEN 'fitted'
        THEN 1
        WHEN 'derived'
        THEN 2
        WHEN 'assumed'
        THEN 3
        WHEN 'unknown'
        THEN 4
        ELSE NULL
      END
    ) AS "basis"
  FROM (
    SELECT
      "t9"."id",
      "t9"."deployment",
      "t9"."model",
      "t9"."placement",
      "t9"."price_id",
      "t9"."basis",
      "t9"."policy_id",
      "t9"."start_s",
      "t9"."end_s",
      "t9"."power_idle_w",
      "t9"."replicas",
      "t9"."pico_usd_per_replica_s",
      "t9"."version",
      "t9"."emulated",
      "t9"."cost_pico_usd",
      "t9"."named",
      "t9"."planned",
      CAST(FLOOR("t9"."start_s" / 3600.0) AS BIGINT) AS "hour",
      CASE
        WHEN ABS(RINT((
          "t9"."end_s" - "t9"."start_s"
        ) * 1000000000.0)) < 9.2e+18
        THEN CAST(CAST(RINT((
          "t9"."end_s" - "t9"."start_s"
        ) * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0))
        ELSE CAST(RINT((
          "t9"."end_s" - "t9"."start_s"
        ) * 1000000000.0) AS DECIMAL(38, 0))
      END AS "up_ns"
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t4"."id",
          "t4"."deployment",
          "t4"."model",
          "t4"."placement",
          "t4"."price_id",
          "t4"."basis",
          "t4"."policy_id",
          "t4"."start_s",
          "t4"."end_s",
          "t4"."power_idle_w",
          "t4"."replicas",
          "t4"."pico_usd_per_replica_s",
          "t4"."version",
          "t4"."emulated",
          "t4"."cost_pico_usd",
          "t7"."named",
          "t7"."planned"
        FROM (
          SELECT
            *
          FROM "c" AS "t0"
          WHERE
            (
              (
                CAST($start_s AS DOUBLE) IS NULL
              )
              OR (
                "t0"."start_s" >= CAST($start_s AS DOUBLE)
              )
            )
            AND (
              (
                CAST($end_s AS DOUBLE) IS NULL
              )
              OR (
                "t0"."start_s" < CAST($end_s AS DOUBLE)
              )
            )
        ) AS "t4"
        LEFT OUTER JOIN (
          SELECT
            "t5"."policy_id" AS "named",
            TRUE AS "planned"
          FROM (
            SELECT
              "t2"."policy_id",
              COUNT(*) AS "rows"
            FROM (
              SELECT
                *
              FROM "p" AS "t1"
              WHERE
                "t1"."plan_id" = $plan_id
            ) AS "t2"
            GROUP BY
              1
          ) AS "t5"
        ) AS "t7"
          ON "t4"."policy_id" = "t7"."named"
      ) AS "t8"
      WHERE
        (
          (
            $policy_id IS NULL
          ) OR (
            "t8"."policy_id" = $policy_id
          )
        )
        AND (
          (
            $plan_id IS NULL
          ) OR COALESCE("t8"."planned", FALSE)
        )
    ) AS "t9"
  ) AS "t10"
  GROUP BY
    1,
    2
) AS "t11"
ORDER BY
  "t11"."deployment" ASC,
  "t11"."hour" ASC
