/**
 * `key=value,key2=value2`, as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES` have it: W3C Baggage without
 * properties, values percent-encoded where they need it.
 *
 * Undefined where a part is none, or a percent sign begins no character. Source: OpenTelemetry, OTLP exporter
 * configuration; resource SDK.
 */
export function readKeyValues(text: string): Readonly<Record<string, string>> | undefined {
  const found: Record<string, string> = {}
  for (const part of text.split(',')) {
    if (part.trim() === '') continue
    const at = part.indexOf('=')
    const key = part.slice(0, at).trim()
    const value = decoded(part.slice(at + 1).trim())
    if (at < 1 || !/^[\w.!#$%&'*+^`|~-]+$/.test(key) || value === undefined) return undefined
    found[key] = value
  }
  return found
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
