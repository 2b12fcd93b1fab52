import { Type } from 'typebox'

/** What a validator finds, and what it judges by, for the OpenAPI document. */
export const FindingSchema = Type.Object({
  kind: Type.String({
    description: 'Empty, Syntax, Schema, Completeness, Consistency or Policy: what it is about.',
  }),
  code: Type.Union([Type.String(), Type.Null()], {
    description: 'Which one exactly; branch on this: wrong-count, phantom-id, city-mismatch, …',
  }),
  message: Type.String({ description: 'For people and models.' }),
  path: Type.Union([Type.String(), Type.Null()], { description: 'JSON pointer into the artifact.' }),
})

const ShortText = Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' })
const ShortTexts = Type.Union([ShortText, Type.Array(ShortText, { maxItems: 1000 })])

export const ValidatorContext = Type.Object(
  {
    target_count: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Workers needed.' })),
    city: Type.Optional(ShortText),
    state: Type.Optional(ShortText),
    role: Type.Optional(ShortText),
    client_id: Type.Optional(ShortText),
    candidate_id: Type.Optional(ShortText),
    recipients: Type.Optional(ShortTexts),
    contacts: Type.Optional(ShortTexts),
    fingerprint: Type.Optional(ShortText),
    min_body: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    max_body: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    max_subject: Type.Optional(Type.Integer({ minimum: 1, maximum: 998 })),
    schema: Type.Optional(Type.Unknown({ description: 'JSON Schema, for json_schema.' })),
  },
  { additionalProperties: true, description: 'What the artifact must meet; each kind takes its own, see the guide.' },
)
