//! The maps of the loaded object, typed.

use aya::{
    Ebpf,
    maps::{Array, HashMap, LpmTrie, MapData, MapError, PerCpuArray, RingBuf, SkStorage},
};
use gateway_common::{
    flow::{Origin, PendingKey},
    settings::Settings,
    watch::{PatternText, PeerKey, Watch},
};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum MapsError {
    #[error("the kernel object has no map {0}")]
    Missing(&'static str),
    #[error("map {name} is not of the shape that this version uses")]
    Shape { name: &'static str, source: MapError },
}

/// What the enforcer tells the programs.
#[allow(missing_debug_implementations)] // aya's maps have none
pub struct Told {
    pub watched: HashMap<MapData, u64, Watch>,
    pub patterns: LpmTrie<MapData, PatternText, Watch>,
    pub netns: HashMap<MapData, u64, u32>,
    pub settings: Array<MapData, Settings>,
    pub peers: HashMap<MapData, PeerKey, u32>,
}

/// What the programs know about connections.
#[derive(Debug)]
pub struct Flows {
    pub accepted: SkStorage<MapData, Origin>,
    pub pending: HashMap<MapData, PendingKey, Origin>,
}

/// What the programs say.
#[allow(missing_debug_implementations)] // aya's maps have none
pub struct Said {
    pub reports: RingBuf<MapData>,
    pub lost: PerCpuArray<MapData, u64>,
}

/// Takes the maps out of the object; its programs keep their own hold on them.
pub fn take(ebpf: &mut Ebpf) -> Result<(Told, Flows, Said), MapsError> {
    Ok((
        Told {
            watched: one(ebpf, "WATCHED")?,
            patterns: one(ebpf, "PATTERNS")?,
            netns: one(ebpf, "NETNS")?,
            settings: one(ebpf, "SETTINGS")?,
            peers: one(ebpf, "PEERS")?,
        },
        Flows { accepted: one(ebpf, "ACCEPTED")?, pending: one(ebpf, "PENDING")? },
        Said { reports: one(ebpf, "REPORTS")?, lost: one(ebpf, "LOST")? },
    ))
}

fn one<T>(ebpf: &mut Ebpf, name: &'static str) -> Result<T, MapsError>
where
    T: TryFrom<aya::maps::Map, Error = MapError>,
{
    let map = ebpf.take_map(name).ok_or(MapsError::Missing(name))?;
    map.try_into().map_err(|source| MapsError::Shape { name, source })
}
