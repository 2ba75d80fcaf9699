//! What the gateway wrote down.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gateway_audit::event::{Asked, Connection, Denied, Ended, Event, KernelRefused};
use gateway_audit::reader;

use crate::wait;

/// The folder of records of one gateway.
#[derive(Debug, Clone)]
pub struct Records {
    path: PathBuf,
}

impl Records {
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// All events so far, in the order of their times. A line that is no event is an error, a line that is not finished
    /// is not there yet.
    pub fn events(&self) -> Result<Vec<Event>> {
        let records = reader::everything(&self.path).context("cannot read the records")?;
        Ok(records.into_iter().map(|record| record.event).collect())
    }

    /// All that was recorded, as it stands in the files.
    pub fn text(&self) -> Result<String> {
        let records = reader::everything(&self.path).context("cannot read the records")?;
        records.iter().map(|record| Ok(serde_json::to_string(record)? + "\n")).collect()
    }

    pub fn opened(&self) -> Result<Vec<Connection>> {
        self.pick(|event| if let Event::Opened(connection) = event { Some(connection) } else { None })
    }

    pub fn ended(&self) -> Result<Vec<Ended>> {
        self.pick(|event| if let Event::Ended(ended) = event { Some(ended) } else { None })
    }

    pub fn denied(&self) -> Result<Vec<Denied>> {
        self.pick(|event| if let Event::Denied(denied) = event { Some(denied) } else { None })
    }

    pub fn asked(&self) -> Result<Vec<Asked>> {
        self.pick(|event| if let Event::Asked(asked) = event { Some(asked) } else { None })
    }

    pub fn kernel_refused(&self) -> Result<Vec<KernelRefused>> {
        self.pick(|event| if let Event::KernelRefused(refused) = event { Some(refused) } else { None })
    }

    fn pick<T>(&self, choose: impl FnMut(Event) -> Option<T>) -> Result<Vec<T>> {
        Ok(self.events()?.into_iter().filter_map(choose).collect())
    }

    /// The first denial that fits, as soon as it is there.
    pub fn await_denied(&self, mut fits: impl FnMut(&Denied) -> bool) -> Result<Denied> {
        wait::until("a denial is recorded", || Ok(self.denied()?.into_iter().find(|denied| fits(denied))))
    }

    /// The first ending that fits, as soon as it is there.
    pub fn await_ended(&self, mut fits: impl FnMut(&Ended) -> bool) -> Result<Ended> {
        wait::until("an ending is recorded", || Ok(self.ended()?.into_iter().find(|ended| fits(ended))))
    }

    /// The first refusal of the kernel that fits, as soon as it is there.
    pub fn await_kernel_refused(
        &self,
        mut fits: impl FnMut(&KernelRefused) -> bool,
    ) -> Result<KernelRefused> {
        wait::until("a refusal of the kernel is recorded", || {
            Ok(self.kernel_refused()?.into_iter().find(|refused| fits(refused)))
        })
    }

    /// The first question for this name, as soon as it is there.
    pub fn await_asked(&self, name: &str) -> Result<Asked> {
        let named = |asked: &Asked| asked.name.as_deref() == Some(name);
        wait::until("a question is recorded", || Ok(self.asked()?.into_iter().find(named)))
    }
}
