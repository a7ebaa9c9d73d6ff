// The store, in one SQLite file; the gateway's own keys and card, the partners' cards, its logs and its threads.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { calendarOf, moved } from './cases.js'
import { publicOf, sealingKey, signJws, signKid } from './crypto.js'
import { b64u, instant, unb64u } from './forms.js'
import { remind } from './send.js'
import { append, entryOf, nextCard, readCard, rootOf, writeCheckpoint, writeProof } from './signed.js'

export class Gateway {
  constructor ({ file, country, address, now, seeds }) {
    Object.assign(this, { me: country, now, seeds, suites: [1, 2], db: new Database(file), known: {} })
    this.calendar = calendarOf(country) ?? { id: country + '-NONE', version: '0' }
    // What was committed survives a loss of power, and no answer leaves before; what is erased is overwritten.
    for (const pragma of ['journal_mode=WAL', 'synchronous=FULL', 'secure_delete=ON']) this.db.pragma(pragma)
    this.db.exec(readFileSync(new URL('tables.sql', import.meta.url), 'utf8'))
    this.sealing = this.suites.map((suite) => sealingKey(suite, this.seed('seal' + suite)))
    if (!this.cardOf(country)) this.takeCard(country, this.firstCard(address), publicOf(this.seed('identity')))
    this.card = this.cardOf(country)
  }
  prepare (sql) { return this.known[sql] ??= this.db.prepare(sql) }
  get (sql, ...values) { return this.prepare(sql).get(...values) }
  all (sql, ...values) { return this.prepare(sql).all(...values) }
  run (sql, ...values) { return this.prepare(sql).run(...values) }
  transaction (f) { return this.db.transaction(f).immediate() }
  put (table, row) {
    const names = Object.keys(row)
    this.run(`insert or replace into ${table} (${names}) values (${names.map((name) => '@' + name)})`, row)
  }
  at () { return instant(this.now()) }
  cardOf (country) { return this.partner(country)?.card }
  partner (country) {
    const row = this.get('select * from partners where country = ?', country)
    return row && { ...row, card: JSON.parse(row.card) }
  }
  // A private key is kept as its seed, and drawn when it is first needed; a reset begins with those drawn before.
  seed (name) {
    this.run('insert or ignore into keys values (?, ?)', name, this.seeds[name] ??= randomBytes(32))
    return this.get('select seed from keys where name = ?', name).seed
  }
  // A real State signs its cards where its identity key is kept; here one file holds all.
  firstCard (address) {
    const own = (name) => ({ kid: signKid(publicOf(this.seed(name))), key: b64u(publicOf(this.seed(name))) })
    const from = instant(this.now() - 60)
    const window = { from, until: instant(this.now() + 366 * 86400), revoked_at: null }
    const tasks = ['NATIONALITY', 'PERM_RESIDENCE', 'DOC_AUTHENTICITY']
    return signJws(this.seed('identity'), 'card', JSON.stringify({
      v: 1, country: this.me, serial: 1, prev: null, epoch: 1, identity: own('identity').key,
      signing: [{ ...own('signing'), ...window }],
      sealing: this.sealing.map(({ kid, suite, key }) => ({ kid, suite, key: b64u(key), ...window })),
      roles: [{ role: 'second_signer', ...own('second_signer'), ...window }],
      log: [own('log')], addresses: [address], spki: [], issued_at: from,
      authorities: [{ id: this.me + '-01', name: 'Office 1', tasks, from: from.slice(0, 10), until: null }]
    }))
  }
  // Takes a published card if the chain allows it, or a first one under the key compared out of band [M-8.2].
  takeCard (country, text, identity) {
    const held = this.cardOf(country)
    try {
      const card = held ? nextCard(held, text, this.now()) : readCard(text, identity)
      if (card.country !== country) throw new Error('country')
      this.transaction(() => {
        this.run('insert into partners (country, card) values (?, ?) on conflict do update set card = excluded.card',
          country, JSON.stringify(card))
        if (card.epoch > held?.epoch) remind(this, country)
      })
    } catch (e) {
      if (held && e.hold) this.run('update partners set hold = 1 where country = ?', country)
      this.find(country, 'card not taken: ' + e.message)
    }
  }
  // Enters a receipt into the log about a partner, and gives what proves it; always within a transaction [M-7.6].
  enter (partner, thread, digest, receipt, r = randomBytes(32)) {
    const origin = `${this.me}/${partner}/${this.card.epoch}`
    const { size, peaks } = this.get('select * from trees where origin = ?', origin) ?? { size: 0, peaks: '[]' }
    const path = JSON.parse(peaks).map((peak) => unb64u(peak))
    const grown = append(path, size, entryOf(receipt, r))
    const proof = writeProof(size, path.reverse(), writeCheckpoint(this.seed('log'), origin, size + 1, rootOf(grown)))
    this.put('trees', { origin, size: size + 1, peaks: JSON.stringify(grown.map(b64u)) })
    const entry = { partner, thread, digest, receipt, r: b64u(r), proof }
    this.put('entries', entry)
    return entry
  }
  thread (partner, thread) {
    const rows = this.all('select * from counted where partner = ? and thread = ?', partner, thread)
    const over = rows.some(({ type, jws, due }) => type === 'withdrawal' && !jws && due > this.now()) // [M-5.26]
    return rows.filter(({ type }) => !over || type !== 'withdrawal').reduce(moved, { place: 'none', over })
  }
  // Something a person should look at. It holds codes and no content.
  find (partner, what, n = null) {
    this.run('insert into findings values (?, ?, ?)', this.at(), partner, what)
    this.run('update journal set told = 1 where n = ?', n)
  }
}
