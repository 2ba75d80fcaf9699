// node-postgres logs in over each family of addresses and with each mode of TLS, and runs one statement.
const fs = require('fs');
const { Client } = require('pg');
const { NAMES, TRUSTED, STRANGER } = process.env;
const verify = (path) => ({ ca: fs.readFileSync(path) });
const modes = { disable: false, require: { rejectUnauthorized: false }, 'verify-full': verify(TRUSTED), stranger: verify(STRANGER) };

async function logIn(host, mode) {
  const client = new Client({ host, ssl: modes[mode] });
  try {
    await client.connect();
    const result = await client.query('select 6 * 7 as answer, current_user::text as who');
    const { stream } = client.connection;
    console.log(host, mode, JSON.stringify(result.rows), stream.encrypted === true, stream.authorized ?? null);
    await client.end();
  } catch (error) {
    console.log(host, mode, error.code);
  }
}
(async () => {
  for (const host of NAMES.split(' ')) for (const mode of Object.keys(modes)) await logIn(host, mode);
})();
