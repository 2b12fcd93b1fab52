import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { Search } from '#processors/runs/retrieve.step.ts'
import { termsOf } from '#processors/search/terms.ts'

/**
 * The playbooks below a replay's root, `exports/rag/playbooks.jsonl`, as a corpus to search.
 *
 * Promise: undefined where there is no such file. A line that is no playbook is passed over, as others append to the file
 * at the same time; a file that can't be read is an error, never an empty corpus. A playbook is found by the share of the
 * question's inverse document frequencies that its words cover: between 0 and 1, the same for the same file.
 */
export interface Playbook {
  readonly ragId: string
  readonly title: string
  readonly content: string
}

export const playbooksFile = join('exports', 'rag', 'playbooks.jsonl')

export async function loadPlaybooks(root: string): Promise<readonly Playbook[] | undefined> {
  const path = join(root, playbooksFile)
  try {
    return (await readFile(path, 'utf8')).split('\n').flatMap(playbookIn)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure('store.stalled', `load rag corpus: ${path} can't be read: ${(error as Error).message}`, {
      remedy: 'Mend the file, or replay without retrieval.',
      cause: error,
    })
  }
}

/** Ids as the file's writers name them: `rag_id`, or `id`. */
function playbookIn(line: string): readonly Playbook[] {
  try {
    const row = JSON.parse(line) as Readonly<Record<string, unknown>> | null
    const ragId = row?.['rag_id'] ?? row?.['id']
    const content = row?.['content']
    const title = row?.['title']
    if (typeof ragId !== 'string' || typeof content !== 'string') return []
    return [{ ragId, title: typeof title === 'string' ? title : ragId, content }]
  } catch {
    return []
  }
}

export function searchPlaybooks(playbooks: readonly Playbook[]): Search {
  const worded = playbooks.map((playbook) => ({
    playbook,
    words: new Set(`${playbook.title}\n${playbook.content}`.normalize('NFC').toLowerCase().match(word) ?? []),
  }))
  return async ({ query, k, threshold }) => {
    const asked = termsOf(query).map((term) => {
      const found = worded.filter(({ words }) => words.has(term)).length
      return { term, weight: Math.log(1 + worded.length / Math.max(1, found)) }
    })
    const whole = asked.reduce((sum, { weight }) => sum + weight, 0)
    const scored = worded
      .map(({ playbook, words }) => {
        const covered = asked.reduce((sum, { term, weight }) => sum + (words.has(term) ? weight : 0), 0)
        return { playbook, score: whole === 0 ? 0 : covered / whole }
      })
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || (a.playbook.ragId < b.playbook.ragId ? -1 : 1))
    const hits = scored.slice(0, k).map(({ playbook: { ragId, title, content }, score }, index) => ({
      chunk: ragId,
      document: ragId,
      path: title,
      heading: '',
      text: content,
      rank: index + 1,
      score,
      relevant: score >= threshold,
    }))
    return { hits, documents: playbooks.length, position: '' }
  }
}

const word = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu
