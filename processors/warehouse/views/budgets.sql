-- What calls did cost each budget, a row a budget and period; money that calls under way hold is not in it.
WITH settled AS (
  SELECT reservation, microUsd, estimated, reason
    FROM budget_settled
 QUALIFY row_number() OVER (PARTITION BY reservation ORDER BY log_offset) = 1
), claims AS (
  SELECT reservation, provider, model, log_offset,
         unnest(from_json(budgets, '[{"name": "VARCHAR", "period": "VARCHAR", "limitMicroUsd": "BIGINT"}]')) AS claim
    FROM budget_reserved
 QUALIFY row_number() OVER (PARTITION BY reservation ORDER BY log_offset) = 1
)
SELECT claim.name AS budget,
       claim.period AS period,
       arg_max(claim.limitMicroUsd, log_offset) AS limit_micro_usd,
       count(*) FILTER (reason <> 'released') AS paid_calls,
       coalesce(sum(microUsd), 0)::BIGINT AS settled_micro_usd,
       coalesce(sum(microUsd) FILTER (estimated), 0)::BIGINT AS estimated_micro_usd
  FROM claims LEFT JOIN settled USING (reservation)
 GROUP BY ALL
