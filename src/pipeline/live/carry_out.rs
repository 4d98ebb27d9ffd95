//! Carries out the core's effects, one after the other.

use super::effect::{Effect, Gauges};
use super::event::Request;
use super::listen::Assignment;
use super::measures;
use super::reply::Reply;
use super::run::Parts;
use super::silencing;
use crate::pipeline::workers::Work;
use crate::speech::queue::Urgency;
use crate::store::StoreError;

impl Parts {
    /// Does it. What is to be taken next is given back.
    pub(super) async fn carry_out(&self, effect: Effect, reply: &mut Reply) -> Result<Option<Request>, StoreError> {
        let workers = &self.workers;
        match effect {
            Effect::Push(changes) => self.store.writer().push(changes).await?,
            Effect::Commit(changes) => self.store.writer().commit(changes).await?,
            Effect::Show(call, message) => self.store.show(call, &message),
            Effect::Listen(leg, from, to) => {
                let _ = self.listener.send(Assignment::Hear { leg, from, to }); // it has ended with the process
            }
            Effect::StopListening(leg) => {
                let _ = self.listener.send(Assignment::Stop(leg));
            }
            Effect::Transcribe { urgency, due, job } => workers.queue.push(urgency, due, Work::Utterance(job)),
            Effect::Preflight { due, stretch } => {
                workers.preflight.want(stretch.leg.key, stretch.start, stretch.end);
                workers.queue.push(Urgency::Live, due, Work::Preflight(stretch));
            }
            Effect::Partial { due, stretch } => workers.queue.push(Urgency::Growing, due, Work::Growing(stretch)),
            Effect::PreflightUnneeded(leg) => workers.preflight.want_no_more(leg),
            Effect::PreflightForgotten(leg) => workers.preflight.forget(leg),
            Effect::NamesStay(call, names) => self.past_names.keep(call, names),
            Effect::NamesGone(call) => self.past_names.forget(call),
            Effect::LiveStays(legs) => workers.queue.demote(|work| match work {
                Work::Utterance(job) => legs.contains(&job.leg.key),
                Work::Growing(_) | Work::Preflight(_) | Work::Probe(_) | Work::Retranscribe(..) => true,
            }),
            Effect::DropCached(leg) => silencing::drop_cached(&self.privacy.cache, leg),
            Effect::Overwrite(leg, ranges) => silencing::overwrite(&self.store, &leg, ranges),
            Effect::HangUpLeg(leg) => leg.end_requested().cancel(),
            Effect::HangUpLine(line) => line.end_requested().cancel(),
            Effect::Measure(gauges) => self.measure(gauges),
            Effect::Answer(answer) => reply.tell(answer),
            Effect::Next(request) => return Ok(Some(request)),
        }
        Ok(None)
    }

    fn measure(&self, gauges: Gauges) {
        let Gauges { calls, open_legs, goes_on, outstanding } = gauges;
        let (backlog, oldest) = self.workers.queue.backlog();
        let now = (self.now)();
        metrics::gauge!("lineside_calls_active").set(calls as f64);
        metrics::gauge!("lineside_legs_open").set(open_legs as f64);
        self.workers.orders.calls_go_on(goes_on);
        metrics::gauge!("lineside_backlog_utterances").set(backlog as f64);
        metrics::gauge!("lineside_backlog_age_seconds")
            .set(oldest.map_or(0.0, |said| (now.0 - said.0).max(0) as f64 / 1000.0));
        measures::each_second(outstanding.into_iter(), self.store.path());
    }
}
