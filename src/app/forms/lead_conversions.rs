//! Leads of forms, until somebody has made a deal of them: then its number is kept, too.

use crate::{
    app::{Error, Forms},
    domain::{OrderKey, happening::OrderEvent},
    planner::Became,
    storage::{
        Unreadable,
        journal::{self, Line, LineKind},
        queue::{
            lanes::{self, Lease},
            subjects::{self, FollowedLead, WhatBecame},
        },
    },
};
use std::collections::{BTreeMap, BTreeSet};

impl Forms {
    /// The leads of a lane that are to be looked at: at most so many.
    pub async fn leads_to_follow(
        &self,
        lease: &Lease,
        most: usize,
    ) -> Result<Vec<FollowedLead>, Error> {
        let shops = self.registry.shops_of(&lease.portal);
        let mut db = self.db.acquire().await?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(subjects::to_follow(&mut db, lease, &shops, most).await?)
    }

    /// Stores what became of these leads; those of which no deal is known are looked at again,
    /// later each time. How many turned out to be deals now.
    pub async fn followed(
        &self,
        lease: &Lease,
        leads: &[FollowedLead],
        found: &BTreeMap<u64, Became>,
    ) -> Result<usize, Error> {
        let id = |id: Option<u64>| id.and_then(|id| i64::try_from(id).ok());
        let became = leads.iter().map(|one| {
            let of = format_args!("{} of the shop {}", one.key, one.shop);
            let lead = Unreadable::or_id(one.lead_id, "bridge.subjects", "lead_id", of)?;
            let became = found.get(&lead).copied().unwrap_or_default();
            Ok::<_, Unreadable>(WhatBecame {
                shop: one.shop.clone(),
                key: one.key.clone(),
                deal_id: id(became.deal),
                contact_id: id(became.contact),
            })
        });
        let became: Vec<WhatBecame> = became.collect::<Result<_, _>>()?;
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let changed = subjects::followed(&mut tx, &became).await?;
        let changed: BTreeSet<OrderKey> = changed.into_iter().collect();
        let mut lines = Vec::new();
        for (lead, one) in leads.iter().zip(&became) {
            if let Some(deal) = one.deal_id
                && changed.contains(&OrderKey::new(&one.shop, &one.key))
            {
                lines.push(Line {
                    shop: one.shop.clone(),
                    number: one.key.clone(),
                    kind: LineKind::Note,
                    what: OrderEvent::LeadConverted {
                        lead: lead.lead_id,
                        deal,
                    }
                    .into(),
                    detail: None,
                });
            }
        }
        journal::add(&mut tx, &lines).await?;
        tx.commit().await?;
        Ok(lines.len())
    }

    /// Seconds until the next lead of a portal is to be looked at.
    pub async fn next_lead_to_follow(&self, portal: &str) -> Result<Option<f64>, Error> {
        let shops = self.registry.shops_of(portal);
        let mut db = self.db.acquire().await?;
        Ok(subjects::next_to_follow(&mut db, portal, &shops).await?)
    }
}
