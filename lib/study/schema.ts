/** The JSON schema of study files, for editors; studies/study.schema.json is generated from it. */

const budget = {
  description: 'Environment steps, a number or a text such as "3M".',
  anyOf: [
    { type: 'integer', minimum: 1 },
    { type: 'string', pattern: '^\\s*[+]?(\\d+\\.?\\d*|\\.\\d+)(e[-+]?\\d+)?\\s*[kKM]?\\s*$' },
  ],
}
const name = { type: 'string', pattern: '^(?=.*[\\p{L}\\p{N}])[\\p{L}\\p{N} _.,=+():-]{1,80}$' }

export const studySchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'A study of gogepo',
  description: 'Every variant on every task with every seed; see docs/studies.md.',
  type: 'object',
  required: ['tasks', 'variants', 'seeds'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    name: { ...name, description: 'In headings and as the name of its folder; the file’s name when left out.' },
    description: { type: 'string', description: 'What it is to show.' },
    tasks: {
      type: 'array',
      minItems: 1,
      items: {
        anyOf: [
          { type: 'string', description: 'A task as gogepo train takes it.' },
          {
            type: 'object',
            required: ['id'],
            additionalProperties: false,
            properties: {
              id: {
                type: 'string',
                description: 'As gogepo train takes it; a module’s path is relative to this file.',
              },
              name: { ...name, description: 'In tables and folders; the id when left out.' },
              options: { type: 'object', description: 'The task’s own options.' },
              steps: budget,
              threshold: { type: 'number', description: 'The return that counts as success.' },
              stopAtThreshold: {
                type: 'boolean',
                description: 'Ends a run at its first evaluation that reaches the threshold.',
              },
              range: {
                type: 'array',
                items: { type: 'number' },
                minItems: 2,
                maxItems: 2,
                description: 'The returns that count as 0 and 1 in averages over tasks; the task’s own when left out.',
              },
            },
          },
        ],
      },
    },
    variants: {
      type: 'object',
      minProperties: 1,
      propertyNames: name,
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          algorithm: { type: 'string', description: 'gogepo when left out.' },
          preset: { type: 'string', description: 'The algorithm’s first preset when left out.' },
          settings: { type: 'object', description: 'Settings that override the preset.' },
          control: { type: 'boolean', description: 'Switches learning off.' },
        },
      },
    },
    seeds: {
      description: '"1..20", "1,4,7" or a list of numbers.',
      anyOf: [
        { type: 'string', pattern: '^\\s*\\d{1,15}(\\.\\.\\d{1,15})?\\s*(,\\s*\\d{1,15}(\\.\\.\\d{1,15})?\\s*)*$' },
        { type: 'array', minItems: 1, maxItems: 1024, uniqueItems: true, items: { type: 'integer', minimum: 0 } },
      ],
    },
    steps: budget,
    sweep: {
      type: 'boolean',
      description: 'Also measures how well each run that takes commands follows them at its end.',
    },
  },
} as const
