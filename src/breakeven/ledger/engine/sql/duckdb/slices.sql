-- Made by scripts/build_questions.py from engine/ask: change it there.
WITH "t4" AS (
  SELECT
    "t3"."deployment",
    "t3"."status",
    "t3"."model",
    "t3"."emulated",
    "t3"."ttft_s",
    "t3"."tpot_s",
    "t3"."served_input_tokens" AS "input_tokens",
    "t3"."served_cached_input_tokens" AS "cached_input_tokens",
    "t3"."served_output_tokens" AS "output_tokens",
    (
      "t3"."status" = 'answered'
    )
    AND NOT (
      COALESCE(JSON_ARRAY_LENGTH("t3"."attempts"), 0) > 1
    ) AS "finished",
    (
      "t3"."status" = 'answered'
    )
    AND (
      COALESCE(JSON_ARRAY_LENGTH("t3"."attempts"), 0) > 1
    ) AS "retried",
    "t3"."time_s" AS "from_s",
    "t3"."time_s" + LEAST(GREATEST("t3"."total_s", 0.0), 3600.0) AS "to_s"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t1"."prediction_id",
        "t1"."use_case",
        "t1"."tenant",
        "t1"."time_s",
        "t1"."cost_pico_usd",
        "t1"."in_budget",
        "t1"."status",
        "t1"."deployment",
        "t1"."model",
        "t1"."placement",
        "t1"."arm",
        "t1"."policy_id",
        "t1"."plan_id",
        "t1"."tier",
        "t1"."request_id",
        "t1"."trace_id",
        "t1"."node",
        "t1"."sequence",
        "t1"."region",
        "t1"."device_class",
        "t1"."channel",
        "t1"."subject",
        "t1"."subject_kind",
        "t1"."session",
        "t1"."consent",
        "t1"."chosen",
        "t1"."cache",
        "t1"."reason",
        "t1"."price_id",
        "t1"."cost_basis",
        "t1"."tokens_basis",
        "t1"."energy_basis",
        "t1"."features_hash",
        "t1"."prompt",
        "t1"."action",
        "t1"."drill",
        "t1"."protocol",
        "t1"."parent_span_id",
        "t1"."seed",
        "t1"."http_status",
        "t1"."rows_scored",
        "t1"."version",
        "t1"."emulated",
        "t1"."stream",
        "t1"."total_s",
        "t1"."ttft_s",
        "t1"."tpot_s",
        "t1"."chunk_gap_max_s",
        "t1"."budget_s",
        "t1"."ttft_target_s",
        "t1"."tpot_target_s",
        "t1"."work_s",
        "t1"."in_flight",
        "t1"."energy_kwh",
        "t1"."served_input_tokens",
        "t1"."served_cached_input_tokens",
        "t1"."served_output_tokens",
        "t1"."served_reasoning_tokens",
        "t1"."consumed_input_tokens",
        "t1"."consumed_cached_input_tokens",
        "t1"."consumed_output_tokens",
        "t1"."consumed_reasoning_tokens",
        "t1"."billable_input_tokens",
        "t1"."billable_cached_input_tokens",
        "t1"."billable_output_tokens",
        "t1"."billable_reasoning_tokens",
        "t1"."priced_input_tokens",
        "t1"."priced_cached_input_tokens",
        "t1"."priced_output_tokens",
        "t1"."priced_reasoning_tokens",
        "t1"."labels",
        "t1"."eligible",
        "t1"."propensities",
        "t1"."attempts",
        "t1"."stages",
        "t1"."actions",
        "t1"."action_propensities",
        "t1"."routed",
        ROW_NUMBER() OVER (
          PARTITION BY "t1"."deployment", "t1"."node", "t1"."request_id", "t1"."time_s"
          ORDER BY "t1"."sequence" ASC, "t1"."prediction_id" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1 AS "place"
      FROM (
        SELECT
          *
        FROM "p" AS "t0"
        WHERE
          (
            (
              CAST($start_s AS DOUBLE) IS NULL
            )
            OR (
              "t0"."time_s" >= CAST($start_s AS DOUBLE)
            )
          )
          AND (
            (
              CAST($end_s AS DOUBLE) IS NULL
            )
            OR (
              "t0"."time_s" < CAST($end_s AS DOUBLE)
            )
          )
          AND (
            (
              $policy_id IS NULL
            ) OR (
              "t0"."policy_id" = $policy_id
            )
          )
          AND (
            (
              $plan_id IS NULL
            ) OR (
              "t0"."plan_id" = $plan_id
            )
          )
          AND (
            (
              $use_case IS NULL
            ) OR (
              "t0"."use_case" = $use_case
            )
          )
          AND (
            (
              $deployment IS NULL
            ) OR (
              "t0"."deployment" = $deployment
            )
          )
          AND "t0"."time_s" >= -62135596800.0
          AND "t0"."time_s" < 253402297200.0
      ) AS "t1"
    ) AS "t2"
    WHERE
      "t2"."place" = 0
  ) AS "t3"
), "t9" AS (
  SELECT
    "t6"."deployment",
    "t6"."slice",
    COUNT(*) FILTER(WHERE
      "t6"."finished") AS "finished",
    COUNT(*) FILTER(WHERE
      "t6"."finished" AND "t6"."emulated") AS "emulated",
    COUNT(*) FILTER(WHERE
      "t6"."status" = 'cached') AS "cached",
    COUNT(*) FILTER(WHERE
      "t6"."status" = 'cancelled') AS "cancelled",
    COUNT(*) FILTER(WHERE
      "t6"."status" = 'failed') AS "failed",
    COUNT(*) FILTER(WHERE
      "t6"."status" = 'fallback') AS "fallback",
    COUNT(*) FILTER(WHERE
      "t6"."status" = 'refused') AS "refused",
    COUNT(*) FILTER(WHERE
      "t6"."retried") AS "retried",
    COUNT("t6"."ttft_s") FILTER(WHERE
      "t6"."finished") AS "ttft_n",
    COALESCE(
      SUM(
        CASE
          WHEN ABS(RINT("t6"."ttft_s" * 1000000000.0)) < 9.2e+18
          THEN CAST(CAST(RINT("t6"."ttft_s" * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0))
          ELSE CAST(RINT("t6"."ttft_s" * 1000000000.0) AS DECIMAL(38, 0))
        END
      ) FILTER(WHERE
        "t6"."finished"),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "ttft_ns",
    COUNT("t6"."tpot_s") FILTER(WHERE
      "t6"."finished") AS "tpot_n",
    COALESCE(
      SUM(
        CASE
          WHEN ABS(RINT("t6"."tpot_s" * 1000000000.0)) < 9.2e+18
          THEN CAST(CAST(RINT("t6"."tpot_s" * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0))
          ELSE CAST(RINT("t6"."tpot_s" * 1000000000.0) AS DECIMAL(38, 0))
        END
      ) FILTER(WHERE
        "t6"."finished"),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "tpot_ns",
    COALESCE(
      SUM(CAST("t6"."input_tokens" AS DECIMAL(38, 0))) FILTER(WHERE
        "t6"."finished"),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "input_tokens",
    COALESCE(
      SUM(CAST("t6"."cached_input_tokens" AS DECIMAL(38, 0))) FILTER(WHERE
        "t6"."finished"),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "cached_input_tokens",
    COALESCE(
      SUM(CAST("t6"."output_tokens" AS DECIMAL(38, 0))) FILTER(WHERE
        "t6"."finished"),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "output_tokens",
    MIN("t6"."model") FILTER(WHERE
      "t6"."finished") AS "model_low",
    MAX("t6"."model") FILTER(WHERE
      "t6"."finished") AS "model_high"
  FROM (
    SELECT
      "t5"."deployment",
      "t5"."status",
      "t5"."model",
      "t5"."emulated",
      "t5"."ttft_s",
      "t5"."tpot_s",
      "t5"."input_tokens",
      "t5"."cached_input_tokens",
      "t5"."output_tokens",
      "t5"."finished",
      "t5"."retried",
      "t5"."from_s",
      "t5"."to_s",
      CAST(FLOOR("t5"."from_s" / CAST($width_s AS DOUBLE)) AS BIGINT) AS "first",
      CAST(FLOOR("t5"."to_s" / CAST($width_s AS DOUBLE)) AS BIGINT) AS "last",
      CAST(FLOOR("t5"."to_s" / CAST($width_s AS DOUBLE)) AS BIGINT) AS "slice"
    FROM "t4" AS "t5"
  ) AS "t6"
  GROUP BY
    1,
    2
), "t14" AS (
  SELECT
    "t13"."deployment",
    "t13"."slice",
    COALESCE(SUM("t13"."ns"), CAST(0 AS DECIMAL(38, 0))) AS "busy_ns"
  FROM (
    SELECT
      "t8"."deployment",
      "t8"."from_s",
      "t8"."to_s",
      "t8"."slice",
      CASE
        WHEN ABS(
          RINT(
            (
              LEAST("t8"."to_s", (
                CAST("t8"."slice" AS DOUBLE) + 1.0
              ) * CAST($width_s AS DOUBLE)) - GREATEST("t8"."from_s", CAST("t8"."slice" AS DOUBLE) * CAST($width_s AS DOUBLE))
            ) * 1000000000.0
          )
        ) < 9.2e+18
        THEN CAST(CAST(RINT(
          (
            LEAST("t8"."to_s", (
              CAST("t8"."slice" AS DOUBLE) + 1.0
            ) * CAST($width_s AS DOUBLE)) - GREATEST("t8"."from_s", CAST("t8"."slice" AS DOUBLE) * CAST($width_s AS DOUBLE))
          ) * 1000000000.0
        ) AS BIGINT) AS DECIMAL(38, 0))
        ELSE CAST(RINT(
          (
            LEAST("t8"."to_s", (
              CAST("t8"."slice" AS DOUBLE) + 1.0
            ) * CAST($width_s AS DOUBLE)) - GREATEST("t8"."from_s", CAST("t8"."slice" AS DOUBLE) * CAST($width_s AS DOUBLE))
          ) * 1000000000.0
        ) AS DECIMAL(38, 0))
      END AS "ns"
    FROM (
      SELECT
        "t7"."deployment",
        "t7"."from_s",
        "t7"."to_s",
        UNNEST(SEQUENCE("t7"."first", "t7"."last")) AS "slice"
      FROM (
        SELECT
          "t5"."deployment",
          "t5"."status",
          "t5"."model",
          "t5"."emulated",
          "t5"."ttft_s",
          "t5"."tpot_s",
          "t5"."input_tokens",
          "t5"."cached_input_tokens",
          "t5"."output_tokens",
          "t5"."finished",
          "t5"."retried",
          "t5"."from_s",
          "t5"."to_s",
          CAST(FLOOR("t5"."from_s" / CAST($width_s AS DOUBLE)) AS BIGINT) AS "first",
          CAST(FLOOR("t5"."to_s" / CAST($width_s AS DOUBLE)) AS BIGINT) AS "last"
        FROM "t4" AS "t5"
        WHERE
          "t5"."status" IN ('answered', 'fallback', 'failed', 'cancelled')
      ) AS "t7"
    ) AS "t8"
  ) AS "t13"
  GROUP BY
    1,
    2
)
SELECT
  *
FROM (
  SELECT
    "t19"."deployment",
    "t19"."slice",
    "t16"."busy_ns",
    "t11"."finished",
    "t11"."emulated",
    "t11"."cached",
    "t11"."cancelled",
    "t11"."failed",
    "t11"."fallback",
    "t11"."refused",
    "t11"."retried",
    "t11"."ttft_n",
    "t11"."ttft_ns",
    "t11"."tpot_n",
    "t11"."tpot_ns",
    "t11"."input_tokens",
    "t11"."cached_input_tokens",
    "t11"."output_tokens",
    "t11"."model_low",
    "t11"."model_high"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t15"."deployment",
        "t15"."slice"
      FROM "t14" AS "t15"
    ) AS "t17"
    UNION
    SELECT
      *
    FROM (
      SELECT
        "t10"."deployment",
        "t10"."slice"
      FROM "t9" AS "t10"
    ) AS "t12"
  ) AS "t19"
  LEFT OUTER JOIN "t14" AS "t16"
    ON "t19"."deployment" = "t16"."deployment" AND "t19"."slice" = "t16"."slice"
  LEFT OUTER JOIN "t9" AS "t11"
    ON "t19"."deployment" = "t11"."deployment" AND "t19"."slice" = "t11"."slice"
) AS "t20"
ORDER BY
  "t20"."deployment" ASC,
  "t20"."slice" ASC
