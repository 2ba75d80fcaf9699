//! Host, agent, gateway and world: what every suite stands on.
