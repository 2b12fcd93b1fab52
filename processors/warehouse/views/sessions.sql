-- One row an iterate run that has ended, as the session log has it: see docs/sessions.md. A prompt or artifact too large to stand in a table is null here.
WITH ended AS (
  SELECT task.run, task.traceId, task.validator, task.messages, task.limits, task.ladder,
         done.outcome, done.reason, done.attempt, done.durationMs, done."time"
    FROM task_submitted AS task
    JOIN run_completed AS done ON done.run = task.run AND done.accepted
   WHERE task.accepted AND task.kind = 'iterate'
), calls AS (
  SELECT started.run, started.attempt, started.provider, started.model, started.spanId AS span_id,
         verdict.run IS NOT NULL AS judged,
         verdict.passed,
         verdict.artifact,
         verdict.groundedInRoster AS grounded,
         CASE WHEN failed.run IS NOT NULL OR verdict.run IS NULL THEN 'infra_error'
              WHEN verdict.passed THEN 'accepted'
              WHEN coalesce((verdict.findings->0->>'kind'), 'Infrastructure') IN ('Infrastructure', 'Timeout') THEN 'infra_error'
              WHEN (verdict.findings->0->>'code') = 'no-json' THEN 'no_json'
              ELSE 'validation_failed' END AS verdict_kind,
         CASE WHEN failed.run IS NOT NULL THEN failed.code || ': ' || failed.message
              WHEN verdict.run IS NULL THEN 'not judged'
              WHEN NOT verdict.passed THEN (verdict.findings->0->>'kind') || ': ' || (verdict.findings->0->>'message')
              END AS error
    FROM attempt_started AS started
    JOIN ended ON ended.run = started.run
    LEFT JOIN attempt_failed AS failed
      ON failed.run = started.run AND failed.attempt = started.attempt AND failed.accepted
    LEFT JOIN verdict_reached AS verdict
      ON verdict.run = started.run AND verdict.attempt = started.attempt AND verdict.accepted
   WHERE started.accepted
), numbered AS (
  SELECT *, coalesce(sum(judged::INTEGER) OVER (PARTITION BY run ORDER BY attempt
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::INTEGER AS iteration
    FROM calls
), told AS (
  SELECT run,
         sum(judged::INTEGER)::INTEGER AS iterations,
         any_value(grounded) FILTER (attempt = last_judged) AS grounded,
         max(attempt) AS last_attempt,
         list(struct_pack(iteration := iteration, verdict_kind := verdict_kind, error := error, span_id := span_id,
                          provider := provider, model := model) ORDER BY attempt) AS attempts
    FROM (SELECT *, max(attempt) FILTER (judged) OVER (PARTITION BY run) AS last_judged FROM numbered)
   GROUP BY run
)
SELECT 'session.iterate.v1' AS schema,
       coalesce(ended.traceId, ended.run) AS session_id,
       ended."time" AS timestamp,
       'lattice' AS daemon,
       ended.validator AS kind,
       coalesce(shown.model, (ended.ladder->0->'choices'->0->>'model'), '') AS model,
       coalesce(shown.provider, (ended.ladder->0->'choices'->0->>'provider'), '') AS provider,
       json_extract_string(ended.messages, '$[#-1].content') AS prompt,
       coalesce(told.iterations, 0) AS iterations,
       coalesce((ended.limits->>'answers')::INTEGER, 0) AS max_iterations,
       CASE WHEN ended.outcome = 'accepted' AND NOT proof.stands THEN 'infra_error'
            WHEN ended.outcome IN ('accepted', 'abandoned') THEN ended.outcome
            WHEN ended.outcome = 'cancelled' THEN
              CASE WHEN EXISTS (SELECT 1 FROM task_cancelled AS wish WHERE wish.run = ended.run AND wish.accepted
                                   AND wish.reason = 'the caller is gone') THEN 'client_gone' ELSE 'cancelled' END
            WHEN ended.outcome = 'failed' THEN 'infra_error'
            WHEN ended.reason = 'answers' THEN 'max_iter_exhausted'
            WHEN ended.reason IN ('attempts', 'deadline', 'cost', 'same-answer') THEN 'limit_reached'
            ELSE 'infra_error' END AS final_verdict,
       coalesce(told.attempts, []) AS attempts,
       CASE WHEN proof.stands THEN answer.artifact::JSON END AS artifact,
       told.grounded AS grounded_in_roster,
       round(ended.durationMs)::BIGINT AS duration_ms,
       ended.run AS run_id,
       CASE WHEN ended.outcome = 'accepted' AND NOT proof.stands THEN 'unproven' ELSE ended.reason END AS reason
  FROM ended
  LEFT JOIN told ON told.run = ended.run
  LEFT JOIN numbered AS answer ON answer.run = ended.run AND answer.attempt = ended.attempt
 CROSS JOIN LATERAL (SELECT ended.outcome = 'accepted' AND coalesce(answer.passed, false) AS stands) AS proof
  LEFT JOIN numbered AS shown
    ON shown.run = ended.run AND shown.attempt = CASE WHEN proof.stands THEN ended.attempt ELSE told.last_attempt END
