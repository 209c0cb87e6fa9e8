//! Walks through a network's parts: to name parameters, to put others in their places, to change layers.

use super::layers::Mode;
use super::network::{Body, Network, Part, Slot};
use super::param::Param;
use saddle_fault::Result;

impl Network {
    pub(super) fn visit(&self, prefix: &str, f: &mut dyn FnMut(String, &Param, bool)) {
        match self.body() {
            Body::Layer(slot) => {
                for p in &slot.params {
                    f(format!("{prefix}{}", p.name()), p, true);
                }
                for p in &slot.buffers {
                    f(format!("{prefix}{}", p.name()), p, false);
                }
            }
            Body::Sequence(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    part.visit(&format!("{prefix}{i}."), f);
                }
            }
            Body::Custom(custom) => {
                for (name, part) in &*custom.parts {
                    part.visit(&format!("{prefix}{name}"), f);
                }
            }
            Body::Referenced(network, batch) => {
                network.visit(prefix, f);
                f(format!("{prefix}{}", batch.name()), batch, false);
            }
        }
    }

    /// The same layers with other parameters: `f` gives the one in the place of each.
    pub(super) fn rebind(&self, f: &mut dyn FnMut(&Param) -> Param) -> Self {
        let body = match self.body() {
            Body::Layer(slot) => Body::Layer(Slot {
                layer: slot.layer.clone(),
                params: slot.params.iter().map(&mut *f).collect(),
                buffers: slot.buffers.iter().map(&mut *f).collect(),
            }),
            Body::Sequence(parts) => Body::Sequence(parts.iter().map(|p| p.rebind(f)).collect()),
            Body::Custom(custom) => {
                let parts = custom.parts.iter();
                let parts = parts.map(|(name, part)| (name.clone(), part.rebind(f)));
                Body::Custom(custom.with_parts(parts.collect()))
            }
            Body::Referenced(network, batch) => Body::Referenced(network.rebind(f), f(batch)),
        };
        self.with_body(body)
    }

    /// The network with each of its layers replaced by what `f` makes of it.
    ///
    /// # Errors
    /// Those of `f`.
    pub(super) fn map_layers(&self, f: &mut dyn FnMut(&Slot) -> Result<Slot>) -> Result<Self> {
        let body = match self.body() {
            Body::Layer(slot) => Body::Layer(f(slot)?),
            Body::Sequence(parts) => Body::Sequence(parts.iter().map(|p| p.map_layers(f)).collect::<Result<_>>()?),
            Body::Custom(custom) => {
                let parts = custom.parts.iter();
                let parts = parts.map(|(name, part)| Ok((name.clone(), part.map_layers(f)?)));
                Body::Custom(custom.with_parts(parts.collect::<Result<_>>()?))
            }
            Body::Referenced(network, batch) => Body::Referenced(network.map_layers(f)?, batch.clone()),
        };
        Ok(self.with_body(body))
    }
}

impl Part {
    pub(super) fn view(&self, mode: Mode, reference: usize) -> Self {
        match self {
            Part::Network(n) => Part::Network(n.view(mode, reference)),
            Part::Param(p) => Part::Param(p.clone()),
            Part::List(parts) => Part::List(parts.iter().map(|p| p.view(mode, reference)).collect()),
        }
    }

    pub(super) fn visit(&self, name: &str, f: &mut dyn FnMut(String, &Param, bool)) {
        match self {
            Part::Network(n) => n.visit(&format!("{name}."), f),
            Part::Param(p) => f(name.to_string(), p, true),
            Part::List(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    part.visit(&format!("{name}.{i}"), f);
                }
            }
        }
    }

    pub(super) fn rebind(&self, f: &mut dyn FnMut(&Param) -> Param) -> Self {
        match self {
            Part::Network(n) => Part::Network(n.rebind(f)),
            Part::Param(p) => Part::Param(f(p)),
            Part::List(parts) => Part::List(parts.iter().map(|p| p.rebind(f)).collect()),
        }
    }

    fn map_layers(&self, f: &mut dyn FnMut(&Slot) -> Result<Slot>) -> Result<Self> {
        Ok(match self {
            Part::Network(n) => Part::Network(n.map_layers(f)?),
            Part::Param(p) => Part::Param(p.clone()),
            Part::List(parts) => Part::List(parts.iter().map(|p| p.map_layers(f)).collect::<Result<_>>()?),
        })
    }
}
