//! What each path is for, what it answers, and which statuses it gives besides those that all give.

use super::operation::Operation;
use crate::contract::agent_view::{AgentLink, AgentView};
use crate::contract::alert::{AlertList, AlertShown, AlertsTaken};
use crate::contract::analysis::{AnalyzeRequest, BaseInfo, CallAnalysis};
use crate::contract::bulk::{BulkOutcome, GlossaryTaken, GlossaryTerms, Uploaded};
use crate::contract::call::{CallDetail, CallList, NamedCall, SearchHits, Segment, SessionStats, Transcript};
use crate::contract::correction::CorrectionList;
use crate::contract::coverage::CoverageReport;
use crate::contract::dashboard::{FeedStats, History, Progress, RecentAlerts, RunningCalls};
use crate::contract::dialer_write::{DialerWrites, ListeningIn};
use crate::contract::doctor::DetailedHealth;
use crate::contract::fetch::{FetchList, FetchTaken};
use crate::contract::figures::Figures;
use crate::contract::lookup::{FoundCalls, ViciRequest};
use crate::contract::me::Me;
use crate::contract::platform::{ChunkTaken, EventTaken, LiveAudioMeta, PlatformAck, PlatformAlerts, PlatformSnapshot};
use crate::contract::privacy::{Forgotten, Privacy, RecordingState};
use crate::contract::problem::ListProblem;
use crate::contract::processing::{
    CallCoaching, CallExport, CallTranslation, ClassificationWindow, PassChanges, ProcessingOverview, ProcessingStatus,
    ProgressiveAnalysis,
};
use crate::contract::quality::{AgreementReport, Dispute, DisputeList, ReviewQueue, ReviewedCalls, ScoreReviewList};
use crate::contract::request::{
    AnswerDispute, BulkRequest, CorrectSegment, FetchRequest, ForgetRequest, GlossaryForm, ListenRequest, NameCall,
    PlatformChunkRequest, PlatformEventRequest, PlatformTakeAlert, RaiseDispute, ReviewCall, StartTap, TakeAlert,
    TakeAlerts, UploadForm,
};
use crate::contract::review::{CallDigest, Entities, EntityWindow, ScoreCard};
use crate::contract::settings::ShownSettings;
use crate::contract::sound::{Peaks, SoundLink};
use crate::contract::statistics::{AgentList, AgentStatistics, CampaignStatistics};
use crate::contract::status::{
    AgentServiceHealth, AuthTest, Board, BoxState, HealthReport, ModelReport, NotificationTest, NotifierTests,
};
use crate::contract::tap::{TapList, TappedCall};

/// The tags, in the order of the document.
pub(super) const TAGS: &[(&str, &str)] = &[
    ("calls", "Calls and their text"),
    ("scripts", "For scripts of a dialer"),
    ("review", "A call as a whole"),
    ("reviewers", "The work of quality reviewers"),
    ("processing", "What is made of a call that is over, stage by stage"),
    ("statistics", "What calls came to, by agent and campaign"),
    ("sound", "Sound, to be heard and drawn"),
    ("taps", "Calls that lineside listens to by channels of its own"),
    ("fetch", "Recordings on other servers"),
    ("dialer", "Back to the dialer, and to its agents"),
    ("alerts", "What a supervisor must not miss"),
    ("privacy", "What is not kept, and what has to be"),
    ("bulk", "Many calls, files or words at once"),
    ("status", "How lineside is doing"),
    ("notifiers", "Services that alerts go to"),
    ("feeds", "What happens, as it happens; the messages are in /asyncapi.json"),
    ("platforms", "Calls of other platforms"),
    ("dashboards", "Call dashboards and batch clients"),
    ("webhooks", "What notifiers send"),
];

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data";
const WAV: &str = "audio/wav";
const CSV: &str = "text/csv; charset=utf-8; header=present";
const TEXT: &str = "text/plain; charset=utf-8";

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    let mut all = calls();
    for some in [
        scripts(),
        review(),
        reviewers(),
        processing(),
        statistics(),
        sound(),
        taps(),
        fetch(),
        dialer(),
        alerts(),
        privacy(),
        bulk(),
        status(),
        notifiers(),
        feeds(),
        platforms(),
        dashboards(),
    ] {
        all.extend(some);
    }
    all
}

fn calls() -> Vec<Operation> {
    const TAG: &str = "calls";
    vec![
        Operation::get("/api/v1/calls", TAG, "listCalls", "List calls, newest first, page by page")
            .gives::<CallList>("A page of calls."),
        Operation::post("/api/v1/calls", TAG, "nameCall", "Name a call, also before its sound comes")
            .about("A body with other fields is refused.")
            .takes::<NameCall>(JSON)
            .gives::<NamedCall>("The call has its names, or will have them when it comes."),
        Operation::get("/api/v1/calls/active", TAG, "activeCalls", "Show the calls that are not over, whole")
            .lists::<CallDetail>("The calls."),
        Operation::get("/api/v1/calls/stats", TAG, "callStats", "Count the calls that are not over")
            .gives::<SessionStats>("Their figures."),
        Operation::get("/api/v1/calls/{id}", TAG, "call", "Show a call whole").gives::<CallDetail>("The call."),
        Operation::get("/api/v1/calls/{id}/transcript", TAG, "transcript", "Show a call's text")
            .gives::<Transcript>("The text."),
        Operation::get("/api/v1/calls/{id}/segments", TAG, "segments", "List a call's segments")
            .lists::<Segment>("The segments, in order of time."),
        Operation::post("/api/v1/calls/{id}/corrections", TAG, "correctSegment", "Set a word or a speaker right")
            .about("Of a call that is over. The call tells both texts, search and exports have the new one.")
            .takes::<CorrectSegment>(JSON)
            .gives::<CorrectionList>("All corrections of the call.")
            .fails(&[409]),
        Operation::post("/api/v1/calls/{id}/end", TAG, "endCall", "Hang up on whoever feeds a call")
            .word("It was asked to hang up.")
            .fails(&[409]),
        Operation::post("/api/v1/calls/{id}/trigger-ai-pipeline", TAG, "process", "Go through a call's stages again")
            .about(
                "When its turn comes. Transcription is done again from the sound where it is among the stages, of the same utterances or, with `vad`, of \
                 those that are found anew; the old text stays until the new is there, and for good where there is no sound.",
            )
            .word("It waits for its turn.")
            .fails(&[409]),
        export(Operation::get("/api/v1/calls/{id}/export", TAG, "exportCall", "Write a call as a file")),
        export(
            Operation::get("/calls/{id}/export", TAG, "exportCallAsDocumented", "Write a call as a file")
                .fails(&[400])
                .same_as("/api/v1/calls/{id}/export, but for a wrong format, which is a 400"),
        ),
        Operation::get("/api/v1/search", TAG, "search", "Search what was said")
            .about("By words the text that was written last first, by meaning best first. Without a model of sentences `by=meaning` and `by=both` are a 503 that says how it is had.")
            .gives::<SearchHits>("The places where it was said."),
    ]
}

fn scripts() -> Vec<Operation> {
    const TAG: &str = "scripts";
    const STYLE: &str = "In the style of ViciDial's Non-Agent API: text, one row a line, and `ERROR: function TEXT - detail|detail` with status 200. \
        Columns are in docs/scripts.md. The header `Lineside-More: true` says that there are older calls than `limit` allows. `pass` bears a token as `token` does.";
    const TOLD: &str = "The fields are those that ViciDial puts into the URL; `lineside vici urls` prints it. The answer comes before the call has \
        its names. What is told again changes nothing.";
    let in_style = |operation: Operation, about| {
        let refused = [401, 403, 415, 421, 422, 429, 503];
        let operation = operation.about(about).fails(&[413, 415]);
        let operation = if operation.method() == "post" { operation.may_take::<ViciRequest>(FORM) } else { operation };
        refused.into_iter().fold(operation, |operation, status| operation.text(status, "An `ERROR:` line.", TEXT))
    };
    let asks = |operation: Operation| in_style(operation, STYLE).text(200, "Rows, or an `ERROR:` line.", TEXT);
    let tells = |operation: Operation| in_style(operation, TOLD).text(202, "A `SUCCESS:` line.", TEXT);
    vec![
        Operation::get("/api/v1/lookup", TAG, "lookup", "Look calls up by what a dialer knows of them")
            .about("Exactly one of `uniqueid`, `lead_id`, `recording_id` and `phone`; newest first, with their text.")
            .gives::<FoundCalls>("The calls."),
        asks(Operation::get("/vici", TAG, "vici", "Ask for calls as ViciDial's scripts do")),
        asks(Operation::post("/vici", TAG, "viciForm", "Ask for calls as ViciDial's scripts do, with a form")),
        tells(Operation::get("/vici/start", TAG, "viciStart", "Be the target of a Start Call URL")),
        tells(Operation::post("/vici/start", TAG, "viciStartForm", "Be the target of a Start Call URL, with a form")),
        tells(Operation::get("/vici/dispo", TAG, "viciDispo", "Be the target of a Dispo Call URL")),
        tells(Operation::post("/vici/dispo", TAG, "viciDispoForm", "Be the target of a Dispo Call URL, with a form")),
    ]
}

fn export(operation: Operation) -> Operation {
    operation
        .gives::<CallExport>("The file.")
        .text(200, "The file.", TEXT)
        .text(200, "The file.", CSV)
        .text(200, "The file.", "application/x-subrip; charset=utf-8")
        .text(200, "The file.", "text/vtt; charset=utf-8")
}

fn review() -> Vec<Operation> {
    const TAG: &str = "review";
    vec![
        Operation::get("/api/v1/calls/{id}/qa", TAG, "scoreCard", "Show a call's score card")
            .gives::<ScoreCard>("The score card, and how the call was spoken."),
        Operation::get("/api/v1/calls/{id}/entities", TAG, "entities", "List what was named in a call")
            .gives::<Entities>("What was named."),
        Operation::get("/api/v1/calls/{id}/entity-evolution", TAG, "entityEvolution", "Show how it came to be named")
            .about("At most a hundred windows.")
            .lists::<EntityWindow>("Windows, each with what it added and all that was named up to its end."),
        Operation::get(
            "/api/v1/calls/{id}/classification-evolution",
            TAG,
            "classificationEvolution",
            "Show how the classification came about",
        )
        .about("At most twenty windows.")
        .lists::<ClassificationWindow>(
            "Windows, each with what the call was about up to its end, and what that changed.",
        ),
        Operation::get(
            "/api/v1/calls/{id}/progressive-analysis",
            TAG,
            "progressiveAnalysis",
            "Show a call's analysis so far",
        )
        .gives::<ProgressiveAnalysis>("What was understood up to its last words, and what to say next."),
        Operation::get("/api/v1/calls/{id}/coaching", TAG, "coaching", "Show what to say next on a call")
            .gives::<CallCoaching>("What answers the caller and the alerts, and what is still to be disclosed."),
        Operation::get("/api/v1/calls/{id}/summary", TAG, "summary", "Sum a call up in a few of its own lines")
            .gives::<CallDigest>("The lines."),
    ]
}

fn reviewers() -> Vec<Operation> {
    const TAG: &str = "reviewers";
    let calibration = "/api/v1/calls/{id}/calibration";
    vec![
        Operation::get("/api/v1/calls/{id}/reviews", TAG, "reviews", "List what reviewers give a call")
            .about(
                "Of a call that is flagged for calibration others' reviews are hidden until the one who asks has reviewed it, but for tokens of all \
                 scopes that see every call. An agent reads those of the own calls that are over, and of a calibration when the flag is off; while the \
                 call runs that is a conflict.",
            )
            .gives::<ScoreReviewList>("The reviews.")
            .fails(&[409]),
        Operation::get("/api/v1/agent/reviews", TAG, "agentReviews", "List an agent's calls that people have reviewed")
            .about(
                "And calls that are disputed; the newest first. For a token of `lineside token add --agent` calls of that agent, and only those; for one \
                 that may read calls those of `user`. Calls whose reviews are hidden for calibration are left out.",
            )
            .gives::<ReviewedCalls>("The calls."),
        Operation::put("/api/v1/calls/{id}/reviews", TAG, "reviewCall", "Review a call")
            .about(
                "In the place of the review that the same token or login gave before. Of a call that is flagged for calibration the first one stays.",
            )
            .takes::<ReviewCall>(JSON)
            .gives::<ScoreReviewList>("All reviews of the call.")
            .fails(&[409]),
        Operation::put(calibration, TAG, "flagCalibration", "Have reviewers score a call without knowing of each other")
            .gives::<ScoreReviewList>("The reviews of the call."),
        Operation::delete(calibration, TAG, "unflagCalibration", "Show everybody what reviewers gave a call")
            .about("For tokens with the scopes read, operate and ingest that see every call.")
            .gives::<ScoreReviewList>("The reviews of the call."),
        Operation::post("/api/v1/calls/{id}/disputes", TAG, "raiseDispute", "Dispute the points of a rule")
            .about("For the call's agent, or for a supervisor in the agent's place.")
            .takes::<RaiseDispute>(JSON)
            .gives::<Dispute>("The dispute.")
            .fails(&[409]),
        Operation::get("/api/v1/disputes", TAG, "disputes", "List disputes, the newest first")
            .gives::<DisputeList>("The disputes."),
        Operation::post("/api/v1/disputes/{id}/answer", TAG, "answerDispute", "Answer a dispute")
            .takes::<AnswerDispute>(JSON)
            .gives::<Dispute>("The dispute.")
            .fails(&[404, 409]),
        Operation::get("/api/v1/reviews/agreement", TAG, "agreement", "Tell how far reviewers and machine agree")
            .about("Cohen's kappa. A rule is passed with half of its points or more. Calls of the last 30 days without `since`.")
            .gives::<AgreementReport>("The agreement."),
        Operation::get("/api/v1/review-queue", TAG, "reviewQueue", "List finished calls to review next")
            .about("Calls that the one who asks has not reviewed, of the last 30 days without `since`.")
            .gives::<ReviewQueue>("The calls, in order."),
    ]
}

fn processing() -> Vec<Operation> {
    const TAG: &str = "processing";
    vec![
        Operation::get(
            "/api/v1/calls/processing/status",
            TAG,
            "processingOverview",
            "Tell how the stages of all calls are",
        )
        .gives::<ProcessingOverview>("What waits, what is being made, and what ended in the last 24 hours."),
        Operation::get("/api/v1/calls/{id}/processing", TAG, "processing", "Tell how far a call's stages are")
            .gives::<ProcessingStatus>("How far."),
        Operation::get("/api/v1/calls/{id}/translation", TAG, "translation", "Show a call's text in English")
            .gives::<CallTranslation>("The translation, or why there is none."),
        Operation::get("/api/v1/calls/{id}/passes", TAG, "passes", "Compare the live text with the final one")
            .about("Without a final pass nothing has changed.")
            .gives::<PassChanges>("What changed, word by word."),
        Operation::post("/analyze_call", TAG, "analyzeCall", "Analyse a transcript that is sent as text")
            .about("It is kept without card numbers and the like, as long as the text of calls.")
            .takes::<AnalyzeRequest>(JSON)
            .gives::<CallAnalysis>("What it came to.")
            .fails(&[415]),
        Operation::get("/analyze_call/{id}", TAG, "analysis", "Show an analysis again")
            .gives::<CallAnalysis>("What the transcript came to.")
            .fails(&[404]),
    ]
}

fn statistics() -> Vec<Operation> {
    const TAG: &str = "statistics";
    vec![
        Operation::get("/api/v1/agents", TAG, "listAgents", "List agents with what their calls came to")
            .about("Of the last seven days, unless `since` or `until` say otherwise; of 92 days at most.")
            .gives::<AgentList>("The agents."),
        Operation::get("/api/v1/agents/{id}/stats", TAG, "agentStatistics", "Sum up an agent's calls")
            .about("An agent of whom nothing is known has no calls.")
            .gives::<AgentStatistics>("The sums."),
        Operation::get("/api/v1/campaigns/{id}/stats", TAG, "campaignStatistics", "Sum up a campaign's calls")
            .about("A campaign of which nothing is known has no calls.")
            .gives::<CampaignStatistics>("The sums."),
    ]
}

fn sound() -> Vec<Operation> {
    const TAG: &str = "sound";
    vec![
        Operation::get("/api/v1/calls/{id}/audio", TAG, "audio", "Play a leg")
            .about("Takes Range, If-Range and If-Modified-Since. With `expires`, `by` and `signature` of a link it asks for no token.")
            .bytes(200, "All of it.", WAV)
            .bytes(206, "The part that was asked for.", WAV)
            .empty(304, "It has not changed.")
            .empty(416, "It has no such part."),
        Operation::get("/calls/{id}/audio", TAG, "audioAsDocumented", "Play a leg")
            .bytes(200, "All of it.", WAV)
            .bytes(206, "The part that was asked for.", WAV)
            .empty(304, "It has not changed.")
            .empty(416, "It has no such part.")
            .same_as("/api/v1/calls/{id}/audio, without links"),
        Operation::post("/api/v1/calls/{id}/audio/link", TAG, "audioLink", "Make an address that plays a leg without a token")
            .gives::<SoundLink>("The address."),
        Operation::get("/api/v1/calls/{id}/peaks", TAG, "peaks", "Draw a leg").gives::<Peaks>("Its loudness."),
        Operation::get("/api/v1/calls/{id}/live", TAG, "listen", "Listen to the last seconds of a call")
            .about(
                "All legs mixed, mono, 8 kHz. Lineside-From and Lineside-To say what it holds, seconds of the call; Lineside-Behind how long \
                 ago its end was; Lineside-Running whether more will come.",
            )
            .bytes(200, "The sound.", WAV),
    ]
}

fn taps() -> Vec<Operation> {
    const TAG: &str = "taps";
    vec![
        Operation::get("/api/v1/taps", TAG, "listTaps", "List the calls that are tapped")
            .gives::<TapList>("The calls. None without `[ami]`."),
        Operation::post("/api/v1/taps", TAG, "startTap", "Tap both sides of a call")
            .about("Asterisk makes a channel for each side, as soon as it is bridged. They end with the call.")
            .takes::<StartTap>(JSON)
            .json_of::<TappedCall>(202, "Asterisk was asked for it.")
            .fails(&[404, 409]),
        Operation::delete("/api/v1/taps/{target}", TAG, "endTap", "End a call's taps")
            .about("No rule taps the call again.")
            .gives::<TappedCall>("What was ended.")
            .fails(&[404, 409]),
    ]
}

fn fetch() -> Vec<Operation> {
    const TAG: &str = "fetch";
    vec![
        Operation::get("/api/v1/fetch", TAG, "listFetches", "List recordings that are fetched from other servers")
            .gives::<FetchList>("Servers and recordings. No servers without `[[remote]]`."),
        Operation::post("/api/v1/fetch", TAG, "startFetch", "Fetch recordings from another server")
            .about(
                "Each becomes its call's recording, once: who asks again is told how far it is, and one that was given up is tried anew. A call \
                 that has sound from elsewhere keeps that.",
            )
            .takes::<FetchRequest>(JSON)
            .json_of::<FetchTaken>(202, "They are in the queue.")
            .fails(&[409]),
    ]
}

fn dialer() -> Vec<Operation> {
    const TAG: &str = "dialer";
    vec![
        Operation::get("/api/v1/dialer/writes", TAG, "dialerWrites", "List what was told to the dialer, newest first")
            .about("With `[dialer_api] dry_run` what would have been told.")
            .gives::<DialerWrites>("The rows."),
        Operation::post("/api/v1/calls/{id}/listen", TAG, "listenIn", "Have a telephone called that listens in")
            .about("By ViciDial's `blind_monitor`. It is asked once: what ViciDial refuses is not tried again.")
            .takes::<ListenRequest>(JSON)
            .json_of::<ListeningIn>(202, "The telephone is being called, or would be.")
            .fails(&[409]),
        Operation::get("/api/v1/agent/call", TAG, "agentCall", "Show an agent their own running call")
            .about("For a token of `lineside token add --agent` the call of that agent, and only that; for one that may read calls that of `user`.")
            .gives::<AgentView>("Its text, and what to say."),
        Operation::post("/api/v1/agent/link", TAG, "agentLink", "Make an address of the agents' page that works without a token")
            .about("It shows the running call of `user` and nothing else, for `seconds`: an hour without them, twelve at most.")
            .gives::<AgentLink>("The address."),
    ]
}

fn alerts() -> Vec<Operation> {
    const TAG: &str = "alerts";
    vec![
        Operation::get("/api/v1/alerts", TAG, "listAlerts", "List alerts, newest first")
            .gives::<AlertList>("The alerts.")
            .fails(&[404]),
        Operation::post("/api/v1/alerts/{id}/ack", TAG, "takeAlert", "Take an alert")
            .about("Who was first stays.")
            .may_take::<TakeAlert>(JSON)
            .gives::<AlertShown>("The alert as it stands; for a token that may not read calls, who took it.")
            .fails(&[404]),
        Operation::post("/api/v1/alerts/ack", TAG, "takeAlerts", "Take the open alerts of a call, or several")
            .about("All or none. Who was first stays.")
            .takes::<TakeAlerts>(JSON)
            .gives::<AlertsTaken>("The alerts as they stand.")
            .fails(&[404]),
    ]
}

fn privacy() -> Vec<Operation> {
    const TAG: &str = "privacy";
    vec![
        Operation::get("/api/v1/calls/{id}/privacy", TAG, "privacy", "Show what is kept of a call, and what is not")
            .gives::<Privacy>("What is kept."),
        Operation::post("/api/v1/calls/{id}/pause", TAG, "pause", "Keep nothing that is said from now on")
            .gives::<RecordingState>("Nothing is kept.")
            .fails(&[409]),
        Operation::post("/api/v1/calls/{id}/resume", TAG, "resume", "Keep what is said again")
            .gives::<RecordingState>("It is kept.")
            .fails(&[409]),
        Operation::post("/api/v1/calls/{id}/hold", TAG, "hold", "Keep a call until it is released")
            .about("Neither age, nor a full disk, nor a request to forget deletes anything of it.")
            .gives::<Privacy>("It is on hold."),
        Operation::delete("/api/v1/calls/{id}/hold", TAG, "release", "Release a call")
            .gives::<Privacy>("It may be deleted."),
        Operation::post("/api/v1/forget", TAG, "forget", "Erase a person, and prove it")
            .takes::<ForgetRequest>(JSON)
            .gives::<Forgotten>("What was erased, and what the proof says.")
            .fails(&[404, 409]),
    ]
}

fn bulk() -> Vec<Operation> {
    const TAG: &str = "bulk";
    vec![
        Operation::post("/calls/bulk", TAG, "bulk", "Do something with many calls")
            .about("An id that is not known refuses the request before anything is done. All but `export` asks for the scope operate.")
            .takes::<BulkRequest>(JSON)
            .takes::<BulkRequest>(FORM)
            .gives::<BulkOutcome>("What was done, call by call; for `export` the file.")
            .lists::<CallDetail>("The file.")
            .text(200, "The file.", TEXT)
            .text(200, "The file.", CSV)
            .json_of::<BulkOutcome>(409, "Nothing could be done.")
            .fails(&[400, 404, 409]),
        Operation::post("/upload", TAG, "upload", "Upload recordings")
            .takes::<UploadForm>(PARTS)
            .json_of::<Uploaded>(201, "At least one is a call.")
            .json_of::<Uploaded>(415, "None could be read.")
            .fails(&[400, 507]),
        Operation::get("/api/v1/glossary", TAG, "glossary", "Show the words that the recogniser is told to expect")
            .about("With `campaign` those of one campaign, which its calls have before those of all calls.")
            .gives::<GlossaryTerms>("The words.")
            .fails(&[404]),
        Operation::post("/glossary/upload", TAG, "uploadGlossary", "Upload words that the recogniser is told to expect")
            .about("The list before goes: with `campaign` that of one campaign, else that of all calls.")
            .takes::<GlossaryForm>(PARTS)
            .gives::<GlossaryTaken>("The list is in use.")
            .json_of::<ListProblem>(400, "The file is missing, or a line is wrong; nothing was changed.")
            .fails(&[400]),
    ]
}

fn status() -> Vec<Operation> {
    const TAG: &str = "status";
    vec![
        Operation::get("/", TAG, "base", "Tell what answers here")
            .about("JSON where `Accept` asks for it and not for HTML; else the page of running calls.")
            .gives::<BaseInfo>("The program, its version and where its documents are.")
            .text(200, "The page.", "text/html; charset=utf-8"),
        Operation::get("/health", TAG, "health", "Tell whether calls are heard and transcribed")
            .about("Asks for no token. May run an inference.")
            .gives::<HealthReport>("They are, or will be.")
            .json_of::<HealthReport>(503, "They are not."),
        Operation::get("/health/models", TAG, "models", "Show the models, and which is in use")
            .gives::<ModelReport>("The models."),
        Operation::get("/health/detailed", TAG, "detailedHealth", "Check the box, with the mend for what is wrong")
            .about("The checks of `lineside doctor`, as the daemon sees them. No inference is run; an answer is kept for ten seconds.")
            .gives::<DetailedHealth>("What was found; 200 also where something is wrong."),
        Operation::get("/metrics", TAG, "metrics", "Give Prometheus what it collects").text(
            200,
            "The metrics.",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        Operation::get("/api/v1/me", TAG, "me", "Tell who is asking, and what they may do").gives::<Me>("Who it is."),
        Operation::get("/api/v1/settings", TAG, "settings", "Show the settings, and where each comes from")
            .about("For tokens with the scopes read, operate and ingest that see every call. Secrets are not shown.")
            .gives::<ShownSettings>("The settings."),
        Operation::get("/api/v1/board", TAG, "board", "Show the running calls in short").gives::<Board>("The calls."),
        Operation::get("/api/v1/box", TAG, "box", "Tell how the box keeps up").gives::<BoxState>("How it does."),
        Operation::get("/api/v1/coverage", TAG, "coverage", "Compare a day of the dialer with what was recorded and heard")
            .about("Each call that the dialer says took place is a row. May wait 20 s for the dialer's database; then what was read before answers.")
            .gives::<CoverageReport>("The day."),
        Operation::get("/api/v1/figures", TAG, "figures", "Give the figures of the dashboard")
            .gives::<Figures>("The figures."),
    ]
}

fn notifiers() -> Vec<Operation> {
    const TAG: &str = "notifiers";
    vec![
        Operation::get(
            "/api/v1/calls/agent-service/health",
            TAG,
            "agentServiceHealth",
            "Ask the agents' notification service",
        )
        .about("Nothing is sent.")
        .gives::<AgentServiceHealth>("What it answered."),
        Operation::post(
            "/api/v1/calls/agent-service/test-auth",
            TAG,
            "agentServiceAuth",
            "Ask whether it takes the key",
        )
        .gives::<AuthTest>("What it answered."),
        Operation::post("/api/v1/calls/agent-service/test-notification", TAG, "agentServiceTest", "Send it a test")
            .gives::<NotificationTest>("What it answered."),
        Operation::post("/api/v1/notifiers/test", TAG, "testNotifiers", "Send a test by every notifier, or by one")
            .gives::<NotifierTests>("What became of it.")
            .fails(&[404]),
    ]
}

fn feeds() -> Vec<Operation> {
    const TAG: &str = "feeds";
    let socket = |operation: Operation| {
        operation
            .empty(101, "The connection becomes a WebSocket.")
            .text(400, "The request does not ask for a WebSocket.", TEXT)
            .text(426, "The connection cannot become a WebSocket.", TEXT)
    };
    let sse = "text/event-stream";
    vec![
        Operation::get("/api/v1/events", TAG, "events", "Follow the feed by server-sent events")
            .about(
                "From now on, or after Last-Event-ID. Where this database has no such number, the first message is `reset`, and the feed goes on from now.",
            )
            .text(200, "Messages, as they come.", sse)
            .fails(&[404]),
        socket(Operation::get("/ws/events", TAG, "followEvents", "Follow the feed with numbers").fails(&[404])),
        socket(Operation::get("/ws/calls", TAG, "followCalls", "Follow all calls")),
        socket(Operation::get("/ws/calls/{id}", TAG, "followCall", "Follow a call")),
        socket(Operation::get("/ws/alerts", TAG, "followAlerts", "Follow alerts")),
        Operation::get("/api/realtime/stream", TAG, "followPlatformCall", "Follow a call of another platform")
            .about("A snapshot first.")
            .text(200, "Messages, as they come.", sse),
    ]
}

fn platforms() -> Vec<Operation> {
    const TAG: &str = "platforms";
    vec![
        Operation::post("/api/realtime/events", TAG, "platformEvent", "Bring in an event of a call")
            .takes::<PlatformEventRequest>(JSON)
            .gives::<EventTaken>("The call as it stands.")
            .fails(&[400]),
        Operation::post("/api/realtime/audio/chunk", TAG, "platformChunk", "Bring in a chunk of a call")
            .takes::<PlatformChunkRequest>(JSON)
            .gives::<ChunkTaken>("The call as it stands.")
            .fails(&[400]),
        Operation::get("/api/realtime/calls/{id}/snapshot", TAG, "platformSnapshot", "Show a call as it stands")
            .about("One that is not known is idle.")
            .gives::<PlatformSnapshot>("The call."),
        Operation::get("/api/realtime/calls/{id}/audio", TAG, "platformAudio", "Play the last minutes of a call")
            .bytes(200, "The sound, all legs mixed.", WAV)
            .fails(&[404]),
        Operation::get(
            "/api/realtime/calls/{id}/audio/meta",
            TAG,
            "platformAudioMeta",
            "Tell what of a call can be played",
        )
        .gives::<LiveAudioMeta>("What can be played."),
        Operation::get("/api/realtime/alerts", TAG, "platformAlerts", "List alerts, newest first")
            .gives::<PlatformAlerts>("The alerts."),
        Operation::post("/api/realtime/alerts/{id}/ack", TAG, "platformTakeAlert", "Take an alert")
            .may_take::<PlatformTakeAlert>(JSON)
            .gives::<PlatformAck>("The alert as it stands; for a token that may not read calls, who took it.")
            .fails(&[400, 404]),
    ]
}

fn dashboards() -> Vec<Operation> {
    const TAG: &str = "dashboards";
    vec![
        Operation::get("/api/calls", TAG, "dashboardCalls", "List the calls that are not over")
            .gives::<RunningCalls>("The calls."),
        Operation::get("/api/calls/{id}", TAG, "dashboardProgress", "Tell how far a call is")
            .gives::<Progress>("How far."),
        Operation::get("/api/calls/{id}/history", TAG, "dashboardHistory", "Show the first lines of a call")
            .about("None of a call that is not known.")
            .gives::<History>("The lines."),
        Operation::get("/api/alerts", TAG, "dashboardAlerts", "List alerts, newest first")
            .gives::<RecentAlerts>("The alerts."),
        Operation::get("/api/stats", TAG, "dashboardStats", "Tell who listens to the feeds")
            .gives::<FeedStats>("Who listens."),
        Operation::get("/api/metrics", TAG, "dashboardFigures", "Give the figures of the dashboard")
            .gives::<Figures>("The figures.")
            .same_as("/api/v1/figures"),
    ]
}
