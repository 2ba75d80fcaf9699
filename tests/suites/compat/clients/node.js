// node-postgres: text and prepared statements, several statements at once, cursors by hand, notices, notifications.
const { Client } = require('pg');
const out = (...words) => console.log(words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' '));
const trouble = async (what, act) => {
  try {
    await act();
    out(what, 'no error');
  } catch (error) {
    out(what, error.code, error.message, error.detail ?? null, error.constraint ?? null, error.severity ?? null);
  }
};
const fields = (result) => result.fields.map((field) => [field.name, field.dataTypeID, field.format]);

async function main() {
  const client = new Client();
  client.on('notice', (notice) => out('notice', notice.severity, notice.message));
  await client.connect();
  const types = await client.query(
    `select 1::int2 a, 2::int8 b, 3.5::float8 c, 12.50::numeric d, true e, null::text f, $1::text g, $2::bytea h, array[1,2] i,
     '{"k": 1}'::jsonb j, timestamptz '2001-02-03 04:05:06+00' k`, ['ünïcode ✓', Buffer.from([0, 255])]);
  out(fields(types), types.rows, types.command, types.rowCount);
  const several = await client.query("select 1 as one; create temp table things (id int primary key, name text); insert into things values (1, 'one')");
  out(several.map((result) => [result.command, result.rowCount, result.rows]));
  out((await client.query('')).command ?? null);
  await client.query("do $$ begin raise notice 'a notice'; end $$");
  await trouble('syntax', () => client.query('selec'));
  await trouble('unique', () => client.query('insert into things values ($1, $2)', [1, 'again']));
  await trouble('mid-stream', () => client.query('select 10 / (5000 - i) from generate_series(1, 10000) i'));
  await trouble('parameter', () => client.query('select $1::int', ['word']));
  await client.query('begin');
  await trouble('inside', () => client.query('select 1/0'));
  await trouble('failed', () => client.query('select 1'));
  await client.query('rollback');
  for (const id of [1, 2, 1]) {
    const named = await client.query({ name: 'by-id', text: 'select name from things where id = $1', values: [id], rowMode: 'array' });
    out(named.rows);
  }
  // All are sent before the first answer is read.
  const many = await Promise.all(Array.from({ length: 200 }, (_, i) => client.query('select $1::int + 1 as n', [i])));
  out(many.reduce((sum, result) => sum + result.rows[0].n, 0));
  const settled = await Promise.allSettled(['select 1', 'select 1/0', 'select 3'].map((sql) => client.query(sql)));
  out(settled.map((one) => (one.status === 'fulfilled' ? one.value.rows : one.reason.code)));
  const big = 'x'.repeat(4_000_000);
  const back = await client.query('select $1::text as big, length($1) as length', [big]);
  out(back.rows[0].big === big, back.rows[0].length);
  const heard = new Promise((resolve) => client.once('notification', (note) => resolve([note.channel, note.payload])));
  await client.query('listen here');
  await client.query("select pg_notify('here', 'a payload')");
  out(await heard);
  const rows = await client.query({ text: "select i, repeat('y', 50) as y from generate_series(1, 20000) i", binary: false });
  out(rows.rowCount, rows.rows[19999].i);
  await trouble('timeout', () => client.query("set statement_timeout = 100; select pg_sleep(30)"));
  await client.end();
}
main().catch((error) => { console.error(error); process.exit(1); });
