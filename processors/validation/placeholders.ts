/**
 * What a template or a writer left to be filled in: `{{name}}`, `${name}`, `%NAME%`, `[Name]`, `<NAME>`, `<your name>`,
 * lorem, TODO, TBD, FIXME, XXX.
 *
 * Promise: linear in the text's length. A Markdown link's `[text](address)` and HTML's tags in small letters are none.
 */
export function placeholders(text: string): readonly string[] {
  return forms.flatMap((form) => text.match(form) ?? [])
}

const forms = [
  /\{\{[^{}\n]{0,80}\}\}/g,
  /\$\{[^{}\n]{0,80}\}/g,
  /%[A-Z][A-Z0-9_]{1,40}%/g,
  /\[[\p{L}][^[\]\n]{0,60}\](?!\()/gu,
  /<[A-Z][A-Z0-9 _-]{2,40}>/g,
  /<(?:insert|your|the|first|last|full|recipient|candidate|client|company|contact|worker|name|date|time|city|role|phone|email|address)(?:[ _-][^<>\n]{0,60})?>/gi,
  /\blorem\b/gi,
  /\b(?:TODO|TBD|FIXME|XXX+)\b/g,
]
