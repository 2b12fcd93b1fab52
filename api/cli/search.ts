import { search } from '#processors/search/search.query.ts'
import type { CliAction } from './command.ts'
import { counted } from './counted.ts'
import { noLogYet } from './no-log-yet.ts'
import { wholeNumber } from './number.ts'

/**
 * `lattice search`: the passages a run here would be given, and those just below.
 *
 * Promise: makes no log; where there is none, nothing has been ingested yet.
 */
export const searchCommand: CliAction = async (context) => {
  const {
    arguments: [query = ''],
    loaded,
    options,
    print,
  } = context
  const k = wholeNumber(context, 'limit', { least: 1, most: 1000 }) ?? 5
  if (!(await context.hasLog())) return noLogYet(context, { corpora: [], hits: [] })
  const opened = await context.open({ role: 'search', stores: ['search'], models: false, quiet: true })
  try {
    const { settings } = opened.lattice.given
    const max = loaded.config.ragMaxIngest
    const { left } = await opened.tasks.ingest(settings.folder, max)
    if (left > 0) print.note(`left out ${counted(left, 'document')} beyond LATTICE_RAG_MAX_INGEST=${max}`)
    const corpora = await opened.tasks.corpora()
    const threshold = settings.retrieval?.threshold ?? 0
    const hits = await opened.store('search').query((tables) => search(tables, { query, corpora, k, threshold }))
    if (options['json'] === true) print.json({ corpora, hits })
    else if (hits.length === 0) print.note('no passage of this folder has a word of that')
    for (const { rank, relevant, path, heading, text } of options['json'] === true ? [] : hits) {
      print.out(
        `${rank}. ${path}${heading === '' ? '' : ` › ${heading}`}${relevant ? '' : '  (below what a run uses)'}`,
      )
      print.out(text.replaceAll(/^/gm, '   '))
    }
    return 0
  } finally {
    await opened.close()
  }
}
