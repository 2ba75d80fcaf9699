//! Prints a record of every kind as an OCSF event, one a line, for validators of the published schema.

use gateway_audit::ocsf::ocsf;
use gateway_audit::origin::Origin;
use gateway_audit::samples::samples;

fn main() {
    for (seq, sample) in (1..).zip(samples()) {
        let origin = Origin { host: "host1", version: env!("CARGO_PKG_VERSION"), log: "host", seq };
        println!("{}", ocsf(&sample.at, &sample.event, &origin));
    }
}
