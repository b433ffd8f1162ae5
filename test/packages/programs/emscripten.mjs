// sql.js: SQLite, compiled by emscripten.
import initSqlJs from 'sql.js'

const SQL = await initSqlJs()
const db = new SQL.Database()
db.run('CREATE TABLE planet (name TEXT, moons INTEGER, mass REAL, data BLOB)')
const insert = db.prepare('INSERT INTO planet VALUES (?, ?, ?, ?)')
for (const row of [
  ['Erde', 1, 1.0, new Uint8Array([1, 2, 3])],
  ['Neptún', 16, 17.15, null],
  ['火星', 2, 0.107, new Uint8Array([0, 255])],
])
  insert.run(row)
insert.free()
db.run(
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO planet SELECT "p" || i, i % 7, i / 3.0, NULL FROM n',
)
// A function of JavaScript that SQLite calls.
db.create_function('twice', (x) => x * 2)
for (const query of [
  'SELECT name, moons, mass, hex(data) FROM planet WHERE mass < 20 AND data IS NOT NULL ORDER BY name',
  'SELECT moons, count(*), sum(mass), max(twice(mass)) FROM planet GROUP BY moons ORDER BY moons',
  'SELECT sqlite_version()',
])
  console.log(JSON.stringify(db.exec(query)))
try {
  db.exec('SELECT * FROM nowhere')
} catch (error) {
  console.log(error.message)
}
console.log(db.export().length)
db.close()
