-- after: attempts
-- One row a run: what was asked and by whom, how it stands, how it ended, what it took.
SELECT task.run,
       task.kind,
       CASE WHEN ended.run IS NOT NULL THEN 'done'
            WHEN begun.run IS NOT NULL THEN 'running'
            ELSE 'queued' END AS status,
       CASE WHEN proof.stands THEN ended.outcome ELSE 'failed' END AS outcome,
       CASE WHEN proof.stands THEN ended.reason ELSE 'unproven' END AS reason,
       CASE WHEN proof.stands THEN answer.provider END AS provider,
       CASE WHEN proof.stands THEN answer.model END AS model,
       coalesce(spent.attempts, 0) AS attempts,
       coalesce(begun.resumes, 0) AS resumes,
       coalesce(spent.prompt_tokens, 0) AS prompt_tokens,
       coalesce(spent.completion_tokens, 0) AS completion_tokens,
       coalesce(spent.cost_micro_usd, 0) AS cost_micro_usd,
       ended.durationMs AS duration_ms,
       task."time" AS submitted_at,
       begun.started_at,
       ended."time" AS completed_at,
       task.principal,
       task.interactive,
       task.validator,
       task.folder,
       task.tags,
       task.redactions
  FROM task_submitted AS task
  LEFT JOIN (SELECT run, min("time") FILTER (type = 'run.started') AS started_at,
                    count(*) FILTER (type = 'run.resumed') AS resumes
               FROM (SELECT run, type, "time" FROM run_started WHERE accepted
                     UNION ALL
                     SELECT run, type, "time" FROM run_resumed WHERE accepted)
              GROUP BY run) AS begun ON begun.run = task.run
  LEFT JOIN run_completed AS ended ON ended.run = task.run AND ended.accepted
  LEFT JOIN (SELECT run, count(*) AS attempts,
                    sum(prompt_tokens)::BIGINT AS prompt_tokens,
                    sum(completion_tokens)::BIGINT AS completion_tokens,
                    sum(cost_micro_usd)::BIGINT AS cost_micro_usd
               FROM attempts GROUP BY run) AS spent ON spent.run = task.run
  LEFT JOIN attempts AS answer ON answer.run = task.run AND answer.attempt = ended.attempt
  -- An end said to be accepted without the verdict that proves it is a failure, here as in every store.
 CROSS JOIN LATERAL (SELECT coalesce(ended.outcome, '') <> 'accepted'
                            OR coalesce(answer.status = 'completed' AND (task.validator IS NULL OR answer.passed), false)
                            AS stands) AS proof
 WHERE task.accepted
