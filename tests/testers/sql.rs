//! `sql ADDRESS NAME=VALUE…`: logs in with these startup parameters, takes the steps that it is given on its standard
//! input as JSON, and prints what it heard as JSON.

use anyhow::{Context, Result, bail};
use gateway_e2e::wire::{Step, Wire};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let [address, parameters @ ..] = args else { bail!("sql ADDRESS NAME=VALUE…") };
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|parameter| parameter.split_once('=').context("a parameter is NAME=VALUE"))
        .collect::<Result<_>>()?;
    let steps: Vec<Step> = serde_json::from_reader(std::io::stdin()).context("no steps")?;
    let mut wire = Wire::log_in(address.parse().context("no address")?, &parameters)?;
    println!("{}", serde_json::to_string(&wire.take(&steps)?)?);
    Ok(())
}
