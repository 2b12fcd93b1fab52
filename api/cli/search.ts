import { search } from '#processors/search/search.query.ts'
import type { CliAction } from './command.ts'
import { wholeNumber } from './number.ts'

/** `lattice search`: the passages a run here would be given, and those just below. */
export const searchCommand: CliAction = async (context) => {
  const {
    arguments: [query = ''],
    loaded,
    options,
    print,
  } = context
  const k = wholeNumber(context, 'limit', { least: 1, most: 1000 }) ?? 5
  const opened = await context.open({ role: 'search', stores: ['search'], models: false, quiet: true })
  try {
    const { settings } = opened.lattice.given
    await opened.tasks.ingest(settings.folder, loaded.config.ragMaxIngest)
    const corpora = await opened.tasks.corpora()
    const threshold = settings.retrieval?.threshold ?? 0
    const hits = await opened.store('search').query((tables) => search(tables, { query, corpora, k, threshold }))
    if (options['json'] === true) print.json({ corpora, hits })
    else if (hits.length === 0) print.note('no passage of this folder has a word of that')
    for (const { rank, score, relevant, path, heading, text } of options['json'] === true ? [] : hits) {
      print.out(
        `${rank}. ${path}${heading === '' ? '' : ` › ${heading}`}  ${score.toFixed(2)}${relevant ? '' : ', below what a run uses'}`,
      )
      print.out(text.replaceAll(/^/gm, '   '))
    }
    return 0
  } finally {
    await opened.close()
  }
}
