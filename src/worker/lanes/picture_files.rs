//! The files of pictures, fetched where the shop has them before anything is asked of the portal.

use crate::{
    clients::pictures::{self, Client, shown},
    domain::{ErrorCode, Picture, PictureKind},
    planner::{PictureFault, PictureJob},
};
use tokio::task::JoinSet;

/// Fetches the files of those that want them, all at once: a wave has few.
pub(super) async fn with_files(
    client: Option<Client>,
    mut jobs: Vec<PictureJob>,
) -> Vec<PictureJob> {
    let Some(client) = client else {
        return jobs;
    };
    let mut fetching = JoinSet::new();
    for (nth, job) in jobs.iter().enumerate().filter(|(_, job)| job.wants_file()) {
        let Picture::Address(address) = job.source.clone() else {
            continue;
        };
        let (client, hosts) = (client.clone(), job.hosts.clone());
        fetching.spawn(async move { (nth, client.fetch(&address, &hosts).await) });
    }
    while let Some(fetched) = fetching.join_next().await {
        if let Ok((nth, fetched)) = fetched
            && let Some(job) = jobs.get_mut(nth)
        {
            let address = job.source.identity();
            job.file = Some(judged(shown(&address), &job.product, fetched));
        }
    }
    jobs
}

fn judged(
    address: &str,
    product: &str,
    fetched: Result<Vec<u8>, pictures::Error>,
) -> Result<Vec<u8>, PictureFault> {
    let fault = |code, why: &str, lasts| PictureFault {
        code,
        message: format!("the picture {address} of {product}: {why}"),
        lasts,
    };
    match fetched {
        Ok(file) if PictureKind::of(&file).is_some() => Ok(file),
        Ok(_) => {
            let why = "what comes from there is no picture (JPEG, PNG, GIF or WebP)";
            Err(fault(ErrorCode::CatPictureUnusable, why, true))
        }
        Err(error) if error.lasts() => {
            let code = ErrorCode::CatPictureUnusable;
            Err(fault(code, &error.to_string(), true))
        }
        Err(error) => {
            let code = ErrorCode::CatPictureUnreachable;
            Err(fault(code, &error.to_string(), false))
        }
    }
}
