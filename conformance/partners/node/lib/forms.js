// Forms: encodings with exactly one text for each value, faults, strict I-JSON (3.1), the schemas.
import { createHash, createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'

const all = (h, parts) => parts.reduce((h, part) => h.update(part), h).digest()
export const sha256 = (...parts) => all(createHash('sha256'), parts)
export const hmac = (key, ...parts) => all(createHmac('sha256', key), parts)
export const b64u = (bytes) => Buffer.from(bytes).toString('base64url')
export const digest = (...parts) => b64u(sha256(...parts))
// Node decodes leniently: a text counts if it is what its bytes encode to, by its alphabet, padding and unused bits.
const strictly = (encoding) => (text, length) => {
  const bytes = Buffer.from(text, encoding)
  if (bytes.toString(encoding) !== text || bytes.length !== (length ?? bytes.length)) throw new Error(encoding)
  return bytes
}
export const [unb64u, unb64] = ['base64url', 'base64'].map(strictly)
// What looks at keys alone does so once for each: every card names those of the one before it again.
export const once = (f, known = new Map()) => (...of) => ((name) =>
  known.get(name) ?? known.set(name, f(...of)).get(name))(of.map((one) => one?.length ? b64u(one) : one).join())
export const u32 = (n) => Buffer.from(n.toString(16).padStart(8, '0'), 'hex')
export const seconds = (instant) => Date.parse(instant) / 1000
export const instant = (s) => new Date(s * 1000).toISOString().slice(0, 19) + 'Z'
export const fail = (code) => { throw Object.assign(new Error(code), { code }) }
export const orFail = (code, f) => { try { return f() } catch { return fail(code) } } // any fault is this one
export async function readAll (stream, limit) {
  const parts = []
  let size = 0
  for await (const part of stream) if ((size += part.length) <= limit) parts.push(part)
  return size > limit ? fail('too-large') : Buffer.concat(parts)
}
export const tables = JSON.parse(readFileSync(new URL('protocol.json', import.meta.url)))
export const problems = { ...tables.transients, ...tables.finals }

// JSON.parse knows the grammar, but it keeps the last of two equal names and rounds numbers; so the tokens are read a
// second time for what it lets pass.
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:]|-?[0-9][0-9.eE+-]*/g
const INTEGER = /^(?:0|-?[1-9][0-9]{0,15})$/ // -0 is none
const UNFIT = /[\p{Cs}\p{NChar}]/u // under the flag u lone surrogates only, and the noncharacters
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }) // ignore: leave it in, for JSON.parse to refuse
export const parse = (bytes) => orFail('bad-json', () => {
  const text = typeof bytes === 'string' ? bytes : utf8.decode(bytes)
  const value = JSON.parse(text)
  const open = [] // for each object or array we are in: the names so far
  let last
  for (const [token] of text.matchAll(TOKEN)) {
    let good = true
    if (token === '{' || token === '[') good = open.push(new Set()) <= 16
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') good = !open.at(-1).has(last) && open.at(-1).add(last)
    else if (token[0] === '"') good = !UNFIT.test(last = JSON.parse(token)) // escapes are read
    else good = INTEGER.test(token) && Number.isSafeInteger(+token)
    if (!good) throw new Error(token)
  }
  return text.trim()[0] === '{' ? value : fail('bad-json')
})

// Schemas and data of the project, read from schemas/ beside the vectors. Nothing of them is repeated here.
const ROOT = new URL('../../../../schemas/', import.meta.url)
export const load = (path) => JSON.parse(readFileSync(new URL(path, ROOT)))
export const loadAll = (dir) =>
  readdirSync(new URL(dir, ROOT)).filter((name) => name.endsWith('.json')).map((name) => load(dir + name))
// What the patterns cannot say [M-3.9]: a day is one of the calendar, an interval does not end before it begins.
const isDay = (t) => /X|^[^-]*(-..)?[?~%]?$/.test(t) || new Date(t.slice(0, 10)).getUTCDate() === +t.slice(8, 10)
const isDate = (t, [a, b = a] = t.split('/')) => isDay(a) && isDay(b) && a.replace(/X/g, 0) <= b.replace(/X/g, 9) + '~'
const ajv = new Ajv2020({ strict: false, validateFormats: false }) // the patterns decide the form of dates
const isPage = (page) => orFail('bad-schema', () => digest(unb64u(page.content)) === page.sha256) // of an image [M-3.24]
const schemas = [...loadAll('json/'), ...loadAll('json/messages/')]
const STRAY = /(?<![\u0620-\u06ff])[\u200c\u200d]|[\u200c\u200d](?![\u0620-\u06ff])/ // no joiner of Arabic letters
const isLine = ({ text }) => `${text}` === `${text}`.normalize() && !STRAY.test(text)
const more = { edtf: isDate, image_page: isPage, remark: isLine }
for (const { $id, $defs } of schemas) if (/:common$/.test($id)) for (const name in more) $defs[name].more = name
ajv.addKeyword({ keyword: 'more', type: ['string', 'object'], validate: (k, v) => more[k](v) }).addSchema(schemas)
export const fits = (name, value) => ajv.getSchema('urn:xg1:schema:' + name)(value)
// Which element may travel for which purpose: in the first request what is required, later only what was asked for.
const matrix = load('matrix.json').elements
const rowOf = (member) => matrix.find((row) => row.members.includes(member))
export const minimal = (purpose, members, asked) => asked === undefined || members.every((member) => {
  const rule = rowOf(member)?.purposes[purpose]
  return asked ? rule && rule !== 'forbidden' && asked.includes(rowOf(member).element) : rule === 'required'
})
