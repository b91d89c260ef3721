import { z } from 'zod';
import { PERMISSIONS } from '../../core/key.ts';
import { STATED_LIMIT_FORM } from '../../core/limit.ts';
import { PROFILES } from '../../core/profile.ts';

/*
 * Fields of requests with what the API's document says of them. The schemas check what a field is, so that a body can
 * be read; whether its value holds is judged later, where the document's enumerations and bounds come from, too.
 */

export const text = z.string();
export const digits = z.string().regex(/^\d{1,9}$/);

export const ownerId = text.meta({
  description: 'The owner: 1 to 128 of the characters A-Z a-z 0-9 . _ : -',
  examples: ['acme'],
});
export const keyName = text.meta({
  description: 'What people call the key.',
  maxLength: 200,
  examples: ['ci'],
});
export const profile = text.meta({
  description: 'Whose dialect and whose prefix of keys.',
  enum: [...PROFILES],
});
export const permission = text.meta({
  description: 'Whether the key may only read; fixed for its life.',
  enum: [...PERMISSIONS],
});
export const limits = z.array(text).meta({
  description: `Limits, each ${STATED_LIMIT_FORM}.`,
  maxItems: 8,
  examples: [['100/minute']],
});
export const mcps = z.union([text, z.array(text)]).meta({
  description: 'The MCP servers that the key may reach: `*`, or at most 256 ids.',
  examples: ['*'],
});
export const instant = text.meta({
  description: 'An RFC 3339 instant with a zone.',
  format: 'date-time',
  examples: ['2030-01-31T12:00:00Z'],
});
export const pageSize = digits.meta({ description: 'How many to answer with at most.', examples: ['50'] });
export const pageStart = digits.meta({ description: 'How many to leave out first.', examples: ['0'] });
