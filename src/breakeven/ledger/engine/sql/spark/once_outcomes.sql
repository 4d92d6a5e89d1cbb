-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  `t2`.`event_id`,
  `t2`.`source`,
  `t2`.`kind`,
  `t2`.`event_type`,
  `t2`.`time_s`,
  `t2`.`received_s`,
  `t2`.`tenant`,
  `t2`.`prediction_id`,
  `t2`.`subject`,
  `t2`.`use_case`,
  `t2`.`node`,
  `t2`.`sequence`,
  `t2`.`value`,
  `t2`.`duration_s`,
  `t2`.`currency`,
  `t2`.`stage`,
  `t2`.`consent`,
  `t2`.`data`,
  `t2`.`previous`,
  `t2`.`version`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t0`.`event_id`,
      `t0`.`source`,
      `t0`.`kind`,
      `t0`.`event_type`,
      `t0`.`time_s`,
      `t0`.`received_s`,
      `t0`.`tenant`,
      `t0`.`prediction_id`,
      `t0`.`subject`,
      `t0`.`use_case`,
      `t0`.`node`,
      `t0`.`sequence`,
      `t0`.`value`,
      `t0`.`duration_s`,
      `t0`.`currency`,
      `t0`.`stage`,
      `t0`.`consent`,
      `t0`.`data`,
      `t0`.`previous`,
      `t0`.`version`,
      ROW_NUMBER() OVER (
        PARTITION BY `t0`.`tenant`, `t0`.`source`, `t0`.`event_id`
        ORDER BY `t0`.`received_s` ASC NULLS LAST, `t0`.`node` ASC NULLS LAST, `t0`.`sequence` ASC NULLS LAST
      ) - 1 AS `place`
    FROM `all_o` AS `t0`
  ) AS `t1`
  WHERE
    `t1`.`place` = 0
) AS `t2`
