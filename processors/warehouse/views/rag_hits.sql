-- Every passage retrieval found for a run, best first, and whether it went into the prompt.
SELECT run,
       hit.rank,
       hit.score,
       hit.used,
       hit.path,
       hit.document,
       hit.chunk,
       query,
       "time"
  FROM (SELECT run, query, "time",
               unnest(from_json(hits, '[{"chunk": "VARCHAR", "document": "VARCHAR", "path": "VARCHAR",
                                         "rank": "INTEGER", "score": "DOUBLE", "used": "BOOLEAN"}]')) AS hit
          FROM retrieval_completed
         WHERE accepted)
