//! Rows whose values the session sees and may replace.

use alloc::vec::Vec;

use super::{Heard, Postgres};
use crate::conversation::{CommandNumber, Court, Plan, Shown, Side};
use crate::postgres::backend;
use crate::postgres::frame::{self, Malformed};

/// The memory of longer rows is given back.
const KEPT: usize = 64 << 10;

const MALFORMED: &str = "the target sent a row or its columns in a form that cannot be read";

impl Postgres {
    /// Tells the session which columns follow.
    pub(super) fn show_columns(
        &mut self,
        command: CommandNumber,
        body: &[u8],
        court: &mut dyn Court,
    ) -> Result<(), &'static str> {
        court.columns(command, &mut backend::columns(body).map_err(|_| MALFORMED)?);
        self.answer.columns_are_known();
        Ok(())
    }

    /// Shows every value of a row. If all are kept, the row goes on where it lies.
    pub(super) fn show_row(
        &mut self,
        body: &[u8],
        whole: core::ops::Range<usize>,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Heard, &'static str> {
        if !self.answer.has_columns() {
            return Err("the target sent a row before its columns");
        }
        self.row.clear();
        let mut row = core::mem::take(&mut self.row);
        let kept = rewrite(body, court, &mut row).map_err(|_| MALFORMED)?;
        if kept {
            plan.pass(whole);
        } else {
            plan.say(Side::Agent, |out| out.extend_from_slice(&row));
        }
        if row.capacity() <= KEPT {
            self.row = row;
        }
        Ok(Heard::Whole)
    }
}

/// Writes the row with what is instead of its values. Returns whether that is the row as it was.
fn rewrite(body: &[u8], court: &mut dyn Court, row: &mut Vec<u8>) -> Result<bool, Malformed> {
    let values = backend::values(body)?;
    let mut kept = true;
    let mut outcome = Ok(());
    frame::message(row, b'D', |row| {
        row.extend(body.iter().take(2));
        for (column, value) in values.enumerate() {
            match value {
                Ok(value) => kept &= rewrite_value(column, value, court, row),
                Err(malformed) => outcome = Err(malformed),
            }
        }
    });
    outcome.map(|()| kept)
}

fn rewrite_value(column: usize, value: Option<&[u8]>, court: &mut dyn Court, row: &mut Vec<u8>) -> bool {
    let start = row.len();
    row.extend_from_slice(&[0; 4]);
    let shown = court.value(column, value, row);
    match (shown, value) {
        (Shown::Replace, _) => {
            let length = row.len().saturating_sub(start).saturating_sub(4);
            put_length(row, start, i32::try_from(length).unwrap_or(i32::MAX));
        }
        (Shown::Keep, Some(value)) => {
            row.truncate(start.saturating_add(4));
            row.extend_from_slice(value);
            put_length(row, start, i32::try_from(value.len()).unwrap_or(i32::MAX));
        }
        (Shown::Keep | Shown::Null, _) => {
            row.truncate(start.saturating_add(4));
            put_length(row, start, -1);
        }
    }
    match shown {
        Shown::Keep => true,
        Shown::Null => value.is_none(),
        Shown::Replace => false,
    }
}

fn put_length(row: &mut [u8], at: usize, length: i32) {
    if let Some(place) = row.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = length.to_be_bytes();
    }
}
