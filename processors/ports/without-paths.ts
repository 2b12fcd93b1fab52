/**
 * A message without the machine's paths, for who asks from elsewhere: of each absolute path its last part alone.
 *
 * Promise: an address of the API (`/v1/…`), a URL and a JSON pointer stay as they are; a folder whose name has a space is
 * a path as well.
 */
export function withoutPaths(message: string): string {
  return message.replaceAll(path, (found) => `…${found.slice(found.lastIndexOf('/'))}`).replaceAll(windowsPath, '…\\')
}

/** Not behind a word, a scheme or another part of a path: those are pointers and URLs. */
const path =
  /(?:file:\/\/|(?<![\p{L}\p{N}_/.:?&=<>~…-]))\/(?!v1\b|docs\b|openapi\.json|health\b|ready\b|metrics\b|problems\/|api\/)(?=[^\s/])(?:[^/:'"`\n,;()]{1,255}\/){1,64}[^\s/:'"`,;)]*/gu
const windowsPath = /\b[A-Za-z]:\\(?:[^\\:'"`\n]{1,255}\\){0,64}/g
