-- Every attempt of every run: which model was asked, what came back, what it cost, what the verdict was.
SELECT started.run,
       started.attempt,
       started.tier,
       started.provider,
       started.model,
       CASE WHEN completed.run IS NOT NULL THEN 'completed'
            WHEN failed.run IS NOT NULL THEN 'failed'
            ELSE 'open' END AS status,
       verdict.passed,
       failed.code,
       failed.message,
       failed.httpStatus AS http_status,
       completed.finishReason AS finish_reason,
       completed.promptTokens AS prompt_tokens,
       completed.completionTokens AS completion_tokens,
       completed.usageEstimated AS usage_estimated,
       completed.costMicroUsd AS cost_micro_usd,
       coalesce(completed.durationMs, failed.durationMs) AS duration_ms,
       started."time" AS started_at,
       coalesce(completed."time", failed."time") AS ended_at,
       started.messages,
       started.messages_sha256,
       completed.content,
       completed.content_sha256,
       started.url
  FROM attempt_started AS started
  LEFT JOIN attempt_completed AS completed
    ON completed.run = started.run AND completed.attempt = started.attempt AND completed.accepted
  LEFT JOIN attempt_failed AS failed
    ON failed.run = started.run AND failed.attempt = started.attempt AND failed.accepted
  LEFT JOIN verdict_reached AS verdict
    ON verdict.run = started.run AND verdict.attempt = started.attempt AND verdict.accepted
 WHERE started.accepted
