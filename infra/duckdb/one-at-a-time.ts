/** Runs work one after the other, in the order it was given: two statements at once on one connection can crash. */
export type OneAtATime = <T>(work: () => Promise<T>) => Promise<T>

export function oneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve()
  return async <T>(work: () => Promise<T>): Promise<T> => {
    const before = last
    const result = (async () => {
      await before
      return work()
    })()
    last = result.catch(() => undefined)
    return result
  }
}
