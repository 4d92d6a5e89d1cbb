-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  `t2`.`id`,
  `t2`.`deployment`,
  `t2`.`model`,
  `t2`.`placement`,
  `t2`.`price_id`,
  `t2`.`basis`,
  `t2`.`policy_id`,
  `t2`.`start_s`,
  `t2`.`end_s`,
  `t2`.`power_idle_w`,
  `t2`.`replicas`,
  `t2`.`pico_usd_per_replica_s`,
  `t2`.`version`,
  `t2`.`emulated`,
  `t2`.`cost_pico_usd`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t0`.`id`,
      `t0`.`deployment`,
      `t0`.`model`,
      `t0`.`placement`,
      `t0`.`price_id`,
      `t0`.`basis`,
      `t0`.`policy_id`,
      `t0`.`start_s`,
      `t0`.`end_s`,
      `t0`.`power_idle_w`,
      `t0`.`replicas`,
      `t0`.`pico_usd_per_replica_s`,
      `t0`.`version`,
      `t0`.`emulated`,
      `t0`.`cost_pico_usd`,
      ROW_NUMBER() OVER (
        PARTITION BY `t0`.`id`
        ORDER BY `t0`.`start_s` ASC NULLS LAST, `t0`.`end_s` ASC NULLS LAST
      ) - 1 AS `place`
    FROM `all_c` AS `t0`
  ) AS `t1`
  WHERE
    `t1`.`place` = 0
) AS `t2`
