// What people do: they ask, send the next message in a thread, stop and close it. The rules stand before `compose`.
import { randomBytes } from 'node:crypto'
import { calendarOf, checkStep, ENDED, extended } from './cases.js'
import { signJws } from './crypto.js'
import { b64u, digest, fits, instant, minimal } from './forms.js'
import { compose, nextHour, OURS } from './send.js'
import { dueStatements, VALID, writeStatement } from './signed.js'

// 409 where a rule forbids it, 501 where it is not offered.
export const rule = (ok, why, status = 409) => { if (!ok) throw Object.assign(new Error(why), { status }) }
const choose = (elements, keep) => Object.fromEntries(Object.entries(elements).filter(([name, value]) =>
  keep(name) && fits('common#/$defs/elements', { [name]: value })))

// Opens a thread. Only what the purpose requires leaves; the rest of the file stays for a question.
export function ask (g, { to, draft }) {
  const { purpose, asylum: status, representative, endangerment_check: check, age, ...file } = draft
  rule(to !== g.me && g.cardOf(to) && file.category === 'subject' && file.justification, 'nobody to ask, or no reason')
  rule(status.state === 'none' && status.attested_by && status.attested_on, 'status not attested')
  const checked = check?.result === 'passed' && check.by && check.on
  rule(checked && file.transfer_ground?.reference && !file.consent?.revoked_on, 'no check, or no ground for a transfer')
  rule((age.class === 'adult' && !age.treat_as_child) || representative?.signed_by, 'nobody represents')
  const known = { ...file.elements, ...(representative && { representative_ref: representative.ref }) }
  const body = { handling: { purpose, legal_basis: 'CONFIRMATION', ...file.handling }, authority: { id: g.me + '-01' },
    method_limit: file.method_limit, no_contact_methods: file.no_contact_methods,
    elements: choose(known, (name) => minimal(purpose, [name], null)) }
  checkOurs(g, { place: 'none', side: 'asking' }, 'verification.request', body)
  const thread = b64u(randomBytes(16))
  compose(g, to, thread, 'verification.request', JSON.stringify(body), { clock: clockOf(to), file: known })
  return { thread }
}
// The clock that a request or a contest starts is by the asked State's calendar [3.6]; null where none is held.
const clockOf = (to, c = calendarOf(to)) => c ? { service: 'IRC', step: 'reply', calendar: c.id, version: c.version } : null
// Our step must be one that the other side takes in this place.
function checkOurs (g, thread, type, body) {
  rule(fits(type, body), 'not a body of this type')
  const mirror = { ...thread, side: thread.side === 'asked' ? 'asking' : 'asked' }
  try { checkStep(mirror, type, body, g.at().slice(0, 10), true) } catch { rule(false, 'not in this place') }
}
export function say (g, { partner, thread, type, body: decided }) {
  rule(complete[type], type, 501)
  const data = g.thread(partner, thread)
  rule(data.side && !data.frozen && !data.lost && !ENDED.includes(data.place), 'the thread is at rest')
  const body = complete[type](data, decided, g)
  checkOurs(g, data, type, body)
  const text = JSON.stringify(body)
  const about = { thread, digest: digest(text), valid_until: instant(g.now() + VALID) }
  const statements = dueStatements(type, body).map(([statement, role]) =>
    signJws(g.seed(role), 'statement', writeStatement({ ...about, statement, role })))
  compose(g, partner, thread, type, text, { statements, clock: type === 'verification.contest' ? clockOf(partner) : null })
}

// What the gateway adds to the decision of a desk.
const complete = {
  'verification.acknowledgement': ({ due, start }, _, { me, calendar: { id, version } }) =>
    ({ authority: { id: me + '-01' }, calendar: { id, version }, start_on: start, due_on: due }),
  'verification.question': (_, { candidates, elements }) => ({ code: 'AMBIGUOUS', candidates, elements }),
  'verification.elements': ({ handling, file, asked = [] }) =>
    ({ handling, elements: choose(file, (name) => minimal(handling.purpose, [name], asked)) }),
  'verification.reply': ({ handling }, decided) => ({ ...decided, handling }),
  'verification.contest': (_, { ground }) => ({ ground }),
  'verification.delay': ({ due: old }, { reason, eta, extension = false }, g) => {
    const due = extension ? extended(g.me, old, g.now()) : null
    return { reason, eta: eta ?? due, extension, due_on: due } // without a day it is no body of this type
  },
  reminder: ({ reminder = 0, place }) => ({ number: reminder + 1, step: place === 'open' ? 'acknowledgement' : 'reply' })
}
// What people do without writing a message.
export function act (g, { partner, thread, act: name }) {
  const [of, { side, place, frozen }] = [[partner, thread], g.thread(partner, thread)]
  const has = (what) => g.get(`select 1 from journal where ${OURS} and ${what}`, ...of)
  const allowed = {
    freeze: side && !frozen && !['closed', 'withdrawn'].includes(place),
    withdraw: frozen && side === 'asking' && !has("type = 'withdrawal'") && place !== 'withdrawn',
    close: place === 'replied' && !frozen,
    erase: side && !has("status = 'waiting'")
  }
  rule(name in allowed, name, 501)
  rule(allowed[name], 'not in this place')
  // What waits in a thread that was stopped is due never, neither new nor again.
  if (name === 'freeze') g.run(`update journal set due = null where ${OURS}`, ...of)
  const nothing = "body = null, draft = '{}', jws = iif(jws is null, null, ''), envelope = null"
  if (name === 'erase') g.run(`update journal set ${nothing} where partner = ? and thread = ?`, ...of)
  if (name === 'withdraw') {
    // What was never posted is dropped, and if nothing ever was there is nothing to withdraw [M-5.25].
    g.run(`update journal set status = iif(jws is null,'dropped','undelivered') where ${OURS} and status='waiting'`, ...of)
    const [body, due] = ['{"code":"WITHDRAWN_NO_REASON"}', nextHour(g.now())] // [M-5.26]
    if (has('jws is not null')) return compose(g, partner, thread, 'withdrawal', body, { due })
  }
  g.put('journal', { side: 'act', partner, thread, type: name, status: 'done' })
}
