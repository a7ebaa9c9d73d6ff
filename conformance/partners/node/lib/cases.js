// What a thread takes (5.9), and by when (5.5). Rule and calendars are data of the project.
import { fail, load, loadAll, once, tables } from './forms.js'

// The n-th working day after a day; null beyond the days that the calendar knows.
export function dueOn (n, start, { weekend = [5, 6], holidays, valid_until: end = '9999' }) {
  const [t, closed] = [new Date(start), Array.isArray(holidays) ? holidays : Object.keys(holidays)]
  const date = () => t.toISOString().slice(0, 10)
  while (n > 0 && date() <= end) {
    t.setUTCDate(t.getUTCDate() + 1)
    if (!weekend.includes((t.getUTCDay() + 6) % 7) && !closed.includes(date())) n--
  }
  return date() <= end ? date() : null
}
const calendars = loadAll('calendars/')
export const calendarOf = (country) => calendars.find((c) => c.id.startsWith(country + '-'))
const days = once((zone) => new Intl.DateTimeFormat('en-CA', { timeZone: zone })) // to make one takes long
const localDate = (now, zone) => days(zone).format(now * 1000)
const later = (days, asked, day) => calendarOf(asked) ? dueOn(days, day, calendarOf(asked)) : null
// The rule for the reply where the two States have no agreement: it starts with the receipt, and goes on once.
const { n, extension } = load('instruments/POLICY_DEFAULT.json').steps.find((s) => s.step === 'reply')
export const STARTS = /^verification\.(request|contest)$/ // by the receipt of either
export function replyDates (asked, now) {
  const start = localDate(now, calendarOf(asked)?.zone), due = later(n, asked, start)
  return { start_on: due && start, due_on: due }
}
// The new due day, if there may be an extension: it must be announced before the old one is over.
const longest = (asked, due) => due && later(Math.min(extension.n, extension.max_total - n), asked, due)
export const extended = (asked, due, now) => due && localDate(now, calendarOf(asked).zone) <= due
  ? longest(asked, due) : null
// Whether an agreement lets a message of this type from one State to the other carry such a remark, or it has none.
const agreed = loadAll('instruments/').filter((one) => one.remark)
export const mayRemark = (from, to, type, said) => !said || agreed.some(({ parties, remark: r }) => r.types.includes(type) &&
  [...said.text].length <= r.most_characters && parties.some((p) => p.from.includes(from) && p.to.includes(to)))
const { anywhere, leads, limits, most, outcomes, places, undoing } = tables
export const ENDED = ['undelivered', 'closed', 'withdrawn', 'nowhere']
const short = (type) => type.replace('verification.', '')
const names = Object.values(places).flatMap((side) => Object.values(side).flat()).concat(anywhere, tables.others)
export const supports = (type) => names.includes(short(type))
// A thread is what its messages and acts make of it, one after the other; a body is null where it was erased.
export function moved (thread, { side, type, digest, body: text, draft, status, ...row }) {
  const [name, body] = [short(type), JSON.parse(text)]
  const next = { side: side === 'in' ? 'asked' : 'asking', ...thread } // the first message says who asks
  if (leads[name] === 'withdrawn') next.place = 'withdrawn'
  else if (status === 'undelivered' || status === 'ended') Object.assign(next, { place: 'undelivered', lost: true })
  else if (!ENDED.includes(thread.place) || (thread.place === 'undelivered' && name === 'reply')) next.place = leads[name] ?? thread.place
  if (status !== 'refused') next.last = digest ?? thread.last
  if (side === 'in') next.heard = digest
  if (name === 'request') {
    const { handling, method_limit: limit, no_contact_methods: still } = body ?? {}
    Object.assign(next, { handling, limit, still, file: JSON.parse(draft)?.file, taken: status === 'accepted' })
    if (status === 'refused') next.place = 'nowhere'
  }
  if (row.due_on) Object.assign(next, { start: row.start_on, due: row.due_on })
  if (name === 'question') next.asked = body?.elements
  const until = () => side === 'in' ? longest(row.partner, thread.due) : body.due_on // by our rule [M-5.14]
  if (body?.extension && status !== 'refused') Object.assign(next, { extended: true, due: until() })
  if (side === 'in' || name in most) next[name] = (thread[name] ?? 0) + 1
  return { ...next, contest: thread.contest || name === 'contest', frozen: thread.frozen || name === 'freeze' }
}
// Step 20: `today` is the day in UTC; `longer` the due day after an extension, if in time; `card` is the other side's.
export function checkStep (thread, type, body, today, longer, card) {
  const ok = (yes) => yes || fail('illegal-step')
  const { side = 'asked', place, handling } = thread
  const [name, over, gone] = [short(type), ENDED.includes(place), place === 'withdrawn' && side === 'asked']
  ok(!(thread[name] >= (most[name] ?? 256))) // [M-5.41] [M-5.42]
  if (anywhere.includes(type)) return ok((thread.taken && !gone) || (place === 'withdrawn' && undoing.includes(type)))
  ok(places[side][place]?.includes(name))
  if (over && !(place === 'undelivered' && name === 'reply')) return // it leads nowhere from there
  ok(!(body.handling?.retain_until <= today) && name !== 'interview-result') // an interview was never accepted here
  if (name === 'request') ok(body.handling.purpose !== 'PERM_RESIDENCE' || body.elements.entry_date)
  if (name === 'elements') ok(body.handling.purpose === handling?.purpose)
  if (name === 'reply') ok(handling && answers(thread, body))
  ok((name !== 'contest' || !thread.contest) && (name !== 'interview' || (thread.limit >= 'M2' && !thread.still)))
  if (name === 'redirect') ok(card.authorities.some(({ id }) => id === body.authority.id))
  if (body.extension) ok(place === 'acknowledged' && !thread.extended && longer)
}
// A reply answers the question asked, within its method limit, and fits together.
function answers ({ handling, limit, still, held }, { outcome, method_used: methods, match_basis: basis, ...reply }) {
  const open = ['CANNOT_SAY', 'REFUSED'].includes(outcome)
  const fits = open || outcome === 'DOC_NOT_AUTHENTIC' || (basis.length > 0) === (outcome !== 'NOT_FOUND')
  const allowed = (m) => (limits[m] ?? 'M0') <= limit && !(still && limits[m] > 'M1')
  return fits && (open || outcome === 'NOT_FOUND' || outcomes[handling.purpose].includes(outcome)) &&
    reply.handling.purpose === handling.purpose && (open || methods.length > 0) && methods.every(allowed) &&
    (held || !methods.includes('CONSULAR_INTERVIEW'))
}
