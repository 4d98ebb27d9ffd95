//! Retention by age, once an hour, and the disk guard, every few seconds: one task.
//!
//! The guard takes these steps in order. It warns and refuses audio that clients send in, also on legs that are open, so that nobody can displace
//! older audio by flooding. It deletes the oldest own audio of finished calls. It records no new calls only when that is not enough. It never touches
//! other programs' recordings, calls on hold, or calls that are not over.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::call::WallTime;
use crate::pipeline::coverage::LocalDay;
use crate::pipeline::live::silencing::drop_cached;
use crate::spool::{self, Refused, Spool};
use crate::store::retention::{OfCampaigns, OwnAudio};
use crate::store::{Store, StoreError};

/// Interval of retention by age.
const SWEEP_EVERY_MS: i64 = 3_600_000;
/// Interval of the disk guard: at 300 legs the disk fills by 50 MB in this time.
const GUARD_EVERY: Duration = Duration::from_secs(10);
/// Files deleted before the disk is looked at again.
const AT_ONCE: u32 = 32;
pub(super) const DAY_MS: i64 = 86_400_000;

/// The settings of `[retention]`. 0 days mean for ever; space is in bytes.
#[derive(Clone, Debug)]
pub struct RetentionSettings {
    /// The state folder.
    pub state: PathBuf,
    /// Age at which lineside's own sound is deleted, days.
    pub audio_days: u32,
    /// Age at which calls are deleted with all that is known of them, days.
    pub text_days: u32,
    /// What is otherwise for single campaigns.
    pub campaigns: Vec<CampaignDays>,
    /// Age at which alerts are deleted, days.
    pub alerts_days: u32,
    /// Free space below which a warning is logged, bytes.
    pub warn_free: u64,
    /// Free space below which the oldest own sound is deleted, bytes.
    pub drop_free: u64,
    /// Free space below which no new calls are recorded, bytes.
    pub stop_free: u64,
}

/// Ages of one campaign; `None`: as for all others.
#[derive(Clone, Debug)]
pub struct CampaignDays {
    /// Its name, in any case.
    pub campaign: String,
    /// As [`RetentionSettings::audio_days`].
    pub audio_days: Option<u32>,
    /// As [`RetentionSettings::text_days`].
    pub text_days: Option<u32>,
}

impl RetentionSettings {
    /// Whose calls have which age of their own; the last of them is that of all others.
    fn ages(&self, own: fn(&CampaignDays) -> Option<u32>, others: u32) -> Vec<(OfCampaigns, u32)> {
        let named = || self.campaigns.iter().filter_map(move |days| Some((days.campaign.clone(), own(days)?)));
        let mut ages: Vec<_> = named().map(|(campaign, days)| (OfCampaigns::Only(campaign), days)).collect();
        ages.push((OfCampaigns::NoneOf(named().map(|(campaign, _)| campaign).collect()), others));
        ages
    }
}

/// State of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskStep {
    /// There is enough free space.
    #[default]
    Fine,
    /// Less than is comfortable.
    Warn,
    /// Audio is deleted before its time.
    Drop,
    /// No new calls are recorded.
    Stop,
}

/// Number of rows and files that a sweep deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Legs whose sound was deleted.
    pub audio: usize,
    /// Size of the deleted sound, bytes.
    pub bytes: u64,
    /// Number of deleted calls.
    pub calls: usize,
    /// Number of deleted alerts.
    pub alerts: usize,
}

/// The task that deletes what is too old, and guards the disk.
pub struct Sweeper {
    store: Store,
    spool: Arc<Spool>,
    settings: RetentionSettings,
    step: DiskStep,
}

impl Sweeper {
    /// A sweeper of a store and its spool.
    pub fn new(store: Store, spool: Arc<Spool>, settings: RetentionSettings) -> Self {
        Self { store, spool, settings, step: DiskStep::Fine }
    }

    /// Sweeps until stopped: at once, then every hour.
    pub async fn run(mut self, now: fn() -> WallTime, stop: CancellationToken) {
        let mut swept = WallTime(i64::MIN / 2);
        loop {
            if now().0 - swept.0 >= SWEEP_EVERY_MS {
                swept = now();
                match self.sweep(swept).await {
                    Ok(did) => self.tell(did).await,
                    Err(error) => log::error!("retention: {error}; it is tried again in an hour"),
                }
            }
            self.store.look_at_place();
            let state = self.settings.state.clone();
            if let Err(error) = self.guard(|| free(&state), now()).await {
                log::error!("disk guard: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(GUARD_EVERY) => {}
            }
        }
    }

    /// Deletes what is too old at `now`.
    pub async fn sweep(&self, now: WallTime) -> Result<Swept, StoreError> {
        let before = |days: u32| (days > 0).then(|| WallTime(now.0 - i64::from(days) * DAY_MS));
        let mut swept = Swept::default();
        if let Some(before) = before(self.settings.alerts_days) {
            swept.alerts = self.store.delete_old_alerts(before).await?;
        }
        if let Some(before) = before(self.settings.text_days) {
            self.store.delete_old_days(LocalDay::of(before).to_string()).await?;
            self.store.delete_old_analyses(before).await?;
        }
        for (whose, days) in self.settings.ages(|own| own.text_days, self.settings.text_days) {
            if let Some(before) = before(days) {
                self.delete_calls(before, whose, &mut swept).await?;
            }
        }
        for (whose, days) in self.settings.ages(|own| own.audio_days, self.settings.audio_days) {
            let Some(before) = before(days) else { continue };
            loop {
                let (count, bytes) = self.drop_audio(before, whose.clone(), now).await?;
                if count == 0 {
                    break;
                }
                swept.audio += count;
                swept.bytes += bytes;
            }
        }
        metrics::counter!("lineside_retention_audio_total").increment(swept.audio as u64);
        metrics::counter!("lineside_retention_calls_total").increment(swept.calls as u64);
        metrics::counter!("lineside_retention_alerts_total").increment(swept.alerts as u64);
        Ok(swept)
    }

    /// Calls that ended before `before`, with all that is known of them.
    async fn delete_calls(&self, before: WallTime, whose: OfCampaigns, swept: &mut Swept) -> Result<(), StoreError> {
        loop {
            let leaving = |audio: &[OwnAudio]| {
                let sounds: Vec<PathBuf> = audio.iter().map(|audio| audio.path.clone()).collect();
                spool::mark(&sounds)
            };
            let old = self.store.delete_old_calls(before, whose.clone(), leaving).await?;
            if old.calls.is_empty() {
                return Ok(());
            }
            swept.calls += old.calls.len();
            let cache = self.settings.state.join("cache");
            let legs = old.legs;
            let dropped = move || legs.into_iter().for_each(|leg| drop_cached(&cache, leg));
            let _ = tokio::task::spawn_blocking(dropped).await; // what failed was said
            let (files, bytes) = self.delete(old.audio).await;
            swept.audio += files.len();
            swept.bytes += bytes;
        }
    }

    async fn tell(&self, did: Swept) {
        let held = self.store.held().await.unwrap_or(0);
        log::info!(
            "retention: deleted the sound of {} legs ({} MB), {} calls, {} alerts; {held} calls are on hold",
            did.audio,
            did.bytes / 1_000_000,
            did.calls,
            did.alerts
        );
    }

    /// Deletes some of the audio that is older than `before`. Returns the number of files and their bytes, or `None` when there is no more, or the
    /// disk refuses.
    async fn drop_audio(
        &self,
        before: WallTime,
        whose: OfCampaigns,
        now: WallTime,
    ) -> Result<(usize, u64), StoreError> {
        let (gone, bytes) = self.delete(self.store.old_audio(before, whose, AT_ONCE).await?).await;
        if !gone.is_empty() {
            self.store.audio_gone(gone.iter().map(|audio| audio.leg).collect(), now).await?;
        }
        Ok((gone.len(), bytes))
    }

    async fn delete(&self, audio: Vec<OwnAudio>) -> (Vec<OwnAudio>, u64) {
        let deleted = tokio::task::spawn_blocking(move || {
            let mut bytes = 0;
            let gone = audio.into_iter().filter(|audio| match spool::erase(&audio.path) {
                Ok(size) => {
                    bytes += size;
                    true
                }
                Err(error) => {
                    log::error!("{error}");
                    false
                }
            });
            let gone: Vec<OwnAudio> = gone.collect();
            (gone, bytes)
        });
        deleted.await.unwrap_or_default()
    }

    /// Looks at the disk and takes the step that it needs.
    pub async fn guard(&mut self, free: impl Fn() -> Option<u64>, now: WallTime) -> Result<DiskStep, StoreError> {
        let Some(mut left) = free() else { return Ok(self.step) };
        let (mut dropped, mut bytes) = (0, 0);
        while left < self.settings.drop_free {
            let (count, size) = self.drop_audio(now, OfCampaigns::All, now).await?;
            if count == 0 {
                break;
            }
            dropped += count;
            bytes += size;
            left = free().unwrap_or(left);
        }
        let step = match left {
            left if left < self.settings.stop_free => DiskStep::Stop,
            left if left < self.settings.drop_free || dropped > 0 => DiskStep::Drop,
            left if left < self.settings.warn_free => DiskStep::Warn,
            _ => DiskStep::Fine,
        };
        self.spool.refuse_new(match step {
            DiskStep::Fine => Refused::Nobody,
            DiskStep::Warn | DiskStep::Drop => Refused::Guests,
            DiskStep::Stop => Refused::All,
        });
        metrics::gauge!("lineside_disk_free_bytes").set(left as f64);
        metrics::gauge!("lineside_disk_step").set(f64::from(step as u8));
        metrics::counter!("lineside_retention_audio_total").increment(dropped as u64);
        if dropped > 0 {
            log::warn!(
                "disk: deleted the sound of the {dropped} oldest legs ({} MB) before its time; {} MB are free",
                bytes / 1_000_000,
                left / 1_000_000
            );
        }
        if step != self.step {
            let (megabytes, folder) = (left / 1_000_000, self.settings.state.display());
            match step {
                DiskStep::Fine => log::info!("disk: {megabytes} MB are free for {folder}: room enough"),
                DiskStep::Warn => log::warn!(
                    "disk: {megabytes} MB are free for {folder}: no uploads, no sound of other platforms; make room, or shorten [retention] audio_days"
                ),
                DiskStep::Drop => {
                    log::warn!("disk: {megabytes} MB are free for {folder}: the oldest sound goes before its time");
                }
                DiskStep::Stop => log::error!(
                    "disk: {megabytes} MB are free for {folder} and there is no sound left that may go: NO NEW CALL IS RECORDED until there is room"
                ),
            }
            self.step = step;
        }
        Ok(step)
    }
}

/// Bytes that an ordinary user may still write beside a file.
fn free(path: &Path) -> Option<u64> {
    rustix::fs::statvfs(path).ok().map(|disk| disk.f_bavail * disk.f_frsize)
}

/// Tells the exporter what these counters mean.
pub(in crate::pipeline) fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_counter!("lineside_retention_audio_total", "Legs whose own sound was deleted");
    describe_counter!("lineside_retention_calls_total", "Calls deleted because of their age");
    describe_counter!("lineside_retention_alerts_total", "Alerts deleted because of their age");
    describe_counter!("lineside_calls_refused_total", "Legs not recorded because the disk was nearly full");
    describe_gauge!("lineside_disk_free_bytes", Unit::Bytes, "Free space for the state folder");
    describe_gauge!(
        "lineside_disk_step",
        "What the disk guard does: 0 nothing, 1 warns, 2 deletes sound early, 3 records no new calls"
    );
}
