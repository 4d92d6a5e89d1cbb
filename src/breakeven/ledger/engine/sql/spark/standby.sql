-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    `t9`.`deployment`,
    `t9`.`hour`,
    MAX(`t9`.`model`) AS `model`,
    COALESCE(SUM(CAST(`t9`.`cost_pico_usd` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `cost_pico_usd`,
    COALESCE(SUM(`t9`.`up_ns`), CAST(0 AS DECIMAL(38, 0))) AS `up_ns`,
    MAX(
      CASE `t9`.`basis`
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
    ) AS `basis`
  FROM (
    SELECT
      `t8`.`id`,
      `t8`.`deployment`,
      `t8`.`model`,
      `t8`.`placement`,
      `t8`.`price_id`,
      `t8`.`basis`,
      `t8`.`policy_id`,
      `t8`.`start_s`,
      `t8`.`end_s`,
      `t8`.`power_idle_w`,
      `t8`.`replicas`,
      `t8`.`pico_usd_per_replica_s`,
      `t8`.`version`,
      `t8`.`emulated`,
      `t8`.`cost_pico_usd`,
      `t8`.`named`,
      `t8`.`planned`,
      CAST(FLOOR(`t8`.`start_s` / 3600.0) AS BIGINT) AS `hour`,
      IF(
        ABS(RINT((
          `t8`.`end_s` - `t8`.`start_s`
        ) * 1000000000.0)) < 9.2e+18,
        CAST(CAST(RINT((
          `t8`.`end_s` - `t8`.`start_s`
        ) * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
        CAST(RINT((
          `t8`.`end_s` - `t8`.`start_s`
        ) * 1000000000.0) AS DECIMAL(38, 0))
      ) AS `up_ns`
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t5`.`id`,
          `t5`.`deployment`,
          `t5`.`model`,
          `t5`.`placement`,
          `t5`.`price_id`,
          `t5`.`basis`,
          `t5`.`policy_id`,
          `t5`.`start_s`,
          `t5`.`end_s`,
          `t5`.`power_idle_w`,
          `t5`.`replicas`,
          `t5`.`pico_usd_per_replica_s`,
          `t5`.`version`,
          `t5`.`emulated`,
          `t5`.`cost_pico_usd`,
          `t6`.`named`,
          `t6`.`planned`
        FROM (
          SELECT
            *
          FROM `c` AS `t0`
          WHERE
            (
              CAST(:start_s AS DOUBLE) IS NULL
              OR ISNAN(CAST(:start_s AS DOUBLE))
              OR (
                `t0`.`start_s` >= CAST(:start_s AS DOUBLE)
              )
            )
            AND (
              CAST(:end_s AS DOUBLE) IS NULL
              OR ISNAN(CAST(:end_s AS DOUBLE))
              OR (
                `t0`.`start_s` < CAST(:end_s AS DOUBLE)
              )
            )
        ) AS `t5`
        LEFT OUTER JOIN (
          SELECT
            `t2`.`named`,
            TRUE AS `planned`
          FROM (
            SELECT DISTINCT
              `t1`.`policy_id` AS `named`
            FROM `p` AS `t1`
            WHERE
              `t1`.`plan_id` = :plan_id
          ) AS `t2`
        ) AS `t6`
          ON `t5`.`policy_id` = `t6`.`named`
      ) AS `t7`
      WHERE
        (
          (
            :policy_id IS NULL
          ) OR (
            `t7`.`policy_id` = :policy_id
          )
        )
        AND (
          (
            :plan_id IS NULL
          ) OR COALESCE(`t7`.`planned`, FALSE)
        )
    ) AS `t8`
  ) AS `t9`
  GROUP BY
    1,
    2
) AS `t10`
ORDER BY
  `t10`.`deployment` ASC NULLS LAST,
  `t10`.`hour` ASC NULLS LAST
