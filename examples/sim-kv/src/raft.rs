//! The protocol: elections, replication, commit.
//!
//! ```text
//!              no leader is heard             votes of a majority
//!  Follower ───────────────────▶ Candidate ───────────────────────▶ Leader
//!     ▲                             │  ▲ │ no majority: again           │
//!     │         a leader of the term│  └─┘                              │
//!     └─────────────────────────────┴───────────────────────────────────┘
//!                              a message of a newer term
//! ```
//!
//! 1. What is answered is on the disk: `storage` is awaited before a message is sent.
//! 2. A term has one leader, since each server votes once in it, and a leader has the votes of a majority (§5.2).
//! 3. A leader's log only grows; a follower's becomes like it (§5.3).
//! 4. A committed entry is in the log of each later leader (§5.4).
//! 5. All servers apply the same entries in the same order.
//!
//! Reads go through the log like writes. So a leader that has been deposed without knowing answers no reads: they are
//! never committed.

use crate::command::{Entry, Id, Index, Position, Term};
use crate::config::Config;
use crate::peers::Peers;
use crate::random;
use crate::server::Request;
use crate::storage::Storage;
use crate::store::Store;
use crate::wire::{Envelope, Message, Reply};
use ayi::sync::oneshot;
use ayi::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

pub struct Raft {
    config: Config,
    peers: Peers,
    storage: Storage,
    role: Role,
    /// Who leads in this term, if that is known.
    leader: Option<Id>,
    /// All entries up to this one are committed, and applied.
    commit: Index,
    store: Store,
    /// Clients who wait for an entry of this leader's term to be applied.
    waiting: BTreeMap<Index, oneshot::Sender<Reply>>,
    /// When a leader sends heartbeats, and another server asks for votes.
    deadline: Instant,
}

enum Role {
    Follower,
    Candidate { votes: BTreeSet<Id> },
    Leader { progress: BTreeMap<Id, Progress> },
}

/// What a leader knows about a follower.
struct Progress {
    /// The next entry to send.
    next: Index,
    /// The follower has all entries up to this one.
    matched: Index,
    /// Entries are on their way. More are sent when this or a heartbeat is answered, so that there is one message.
    in_flight: bool,
}

impl Raft {
    pub async fn open(config: Config) -> io::Result<Raft> {
        let storage = Storage::open(&config.dir).await?;
        let (peers, deadline) = (Peers::new(&config), Instant::now());
        let (leader, store, waiting) = Default::default();
        let mut raft = Raft {
            config,
            peers,
            storage,
            role: Role::Follower,
            leader,
            commit: 0,
            store,
            waiting,
            deadline,
        };
        raft.wait_for_leader();
        Ok(raft)
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub async fn on_timer(&mut self) -> io::Result<()> {
        if let Role::Leader { .. } = self.role {
            self.send_heartbeats();
            return Ok(());
        }
        self.start_election().await
    }

    /// Appends what clients ask for, or tells them who leads.
    pub async fn propose(&mut self, requests: Vec<Request>) -> io::Result<()> {
        if requests.is_empty() {
            return Ok(());
        }
        let Role::Leader { .. } = self.role else {
            for request in requests {
                let _ = request.reply.send(Reply::Redirect(self.leader));
            }
            return Ok(());
        };
        let (term, mut entries) = (self.storage.term(), Vec::new());
        for (index, request) in (self.storage.last().index + 1..).zip(requests) {
            entries.push(Entry { term, command: Some(request.command) });
            self.waiting.insert(index, request.reply);
        }
        self.append_as_leader(&entries).await
    }

    pub async fn receive(&mut self, Envelope { from, term, message }: Envelope) -> io::Result<()> {
        // §5.1: who hears of a newer term becomes a follower in it.
        if term > self.storage.term() {
            self.enter_term(term).await?;
        }
        match message {
            Message::RequestVote { last } => self.on_request_vote(from, term, last).await,
            Message::Vote { granted } => self.on_vote(from, term, granted).await,
            Message::AppendEntries { previous, entries, commit } => {
                self.on_append_entries(from, term, previous, entries, commit).await
            }
            Message::Appended { success, index } => {
                self.on_appended(from, term, success, index);
                Ok(())
            }
        }
    }

    // Elections (§5.2).

    async fn start_election(&mut self) -> io::Result<()> {
        // A candidate votes for itself, and may not forget that.
        self.storage.save(self.storage.term() + 1, Some(self.config.id)).await?;
        self.role = Role::Candidate { votes: BTreeSet::from([self.config.id]) };
        self.leader = None;
        self.wait_for_leader();
        let last = self.storage.last();
        for peer in self.peers.ids() {
            self.send(peer, Message::RequestVote { last });
        }
        self.count_votes().await
    }

    async fn on_request_vote(&mut self, from: Id, term: Term, last: Position) -> io::Result<()> {
        // §5.1: a request of an older term is refused.
        let is_current = term == self.storage.term();
        // §5.2: one vote in a term. A repeated request is granted again.
        let is_free = self.storage.vote().is_none_or(|vote| vote == from);
        // §5.4.1: the candidate's log is at least as up to date as ours. So it has all that is committed.
        let is_up_to_date = last >= self.storage.last();
        let granted = is_current && is_free && is_up_to_date;
        if granted {
            self.storage.save(term, Some(from)).await?;
            self.wait_for_leader();
        }
        self.send(from, Message::Vote { granted });
        Ok(())
    }

    async fn on_vote(&mut self, from: Id, term: Term, granted: bool) -> io::Result<()> {
        // A vote of an earlier term is late: it says nothing about this one.
        if !granted || term != self.storage.term() {
            return Ok(());
        }
        if let Role::Candidate { votes } = &mut self.role {
            votes.insert(from);
        }
        self.count_votes().await
    }

    async fn count_votes(&mut self) -> io::Result<()> {
        match &self.role {
            Role::Candidate { votes } if votes.len() > self.config.addresses.len() / 2 => {}
            _ => return Ok(()),
        }
        let next = self.storage.last().index + 1;
        let progress = |id| (id, Progress { next, matched: 0, in_flight: false });
        self.role = Role::Leader { progress: self.peers.ids().map(progress).collect() };
        self.leader = Some(self.config.id);
        self.send_heartbeats();
        // §8: an entry of the new term, by which the earlier ones are committed, too.
        self.append_as_leader(&[Entry { term: self.storage.term(), command: None }]).await
    }

    async fn enter_term(&mut self, term: Term) -> io::Result<()> {
        self.storage.save(term, None).await?;
        self.leader = None;
        if let Role::Leader { .. } = self.role {
            self.wait_for_leader();
        }
        self.role = Role::Follower;
        // Others may replace the entries that these clients wait for. They ask again, with the same number.
        self.waiting.clear();
        Ok(())
    }

    fn wait_for_leader(&mut self) {
        self.deadline = Instant::now() + random::duration(&self.config.election);
    }

    // Replication (§5.3): the leader.

    async fn append_as_leader(&mut self, entries: &[Entry]) -> io::Result<()> {
        self.storage.append(entries).await?;
        for peer in self.peers.ids().collect::<Vec<_>>() {
            self.replicate(peer);
        }
        self.advance_commit();
        Ok(())
    }

    /// Sends a follower the entries that it lacks, unless some are on their way.
    fn replicate(&mut self, to: Id) {
        let Role::Leader { progress } = &mut self.role else { return };
        let Some(peer) = progress.get_mut(&to) else { return };
        if !peer.in_flight && peer.next <= self.storage.last().index {
            peer.in_flight = true;
            let next = peer.next;
            self.send_entries(to, next, self.config.batch);
        }
    }

    /// A heartbeat has no entries. Its answer tells whether something was lost, which is then sent again.
    fn send_heartbeats(&mut self) {
        let Role::Leader { progress } = &self.role else { return };
        for (to, peer) in progress {
            self.send_entries(*to, peer.next, 0);
        }
        self.deadline = Instant::now() + self.config.heartbeat;
    }

    fn send_entries(&self, to: Id, next: Index, limit: usize) {
        let index = next - 1;
        let previous = Position { term: self.storage.term_at(index).expect("an entry of the log"), index };
        let entries = self.storage.after(index, limit).to_vec();
        self.send(to, Message::AppendEntries { previous, entries, commit: self.commit });
    }

    fn on_appended(&mut self, from: Id, term: Term, success: bool, index: Index) {
        // An answer to an earlier term is late: the follower's log may be another by now.
        if term != self.storage.term() {
            return;
        }
        let Role::Leader { progress } = &mut self.role else { return };
        let Some(peer) = progress.get_mut(&from) else { return };
        peer.in_flight = false;
        if success {
            peer.matched = peer.matched.max(index);
            peer.next = peer.matched + 1;
        } else {
            // Further back, but not behind what is known to match: the answer may be an old one.
            peer.next = (index + 1).max(peer.matched + 1);
        }
        self.replicate(from);
        self.advance_commit();
    }

    /// Commits what a majority has.
    fn advance_commit(&mut self) {
        let Role::Leader { progress } = &self.role else { return };
        let mut matched: Vec<Index> = progress.values().map(|peer| peer.matched).collect();
        matched.push(self.storage.last().index);
        matched.sort_unstable();
        let majority = matched[(matched.len() - 1) / 2];
        // §5.4.2: a leader commits only entries of its own term by counting, and the earlier ones with them. An earlier
        // one alone could still be replaced, even if a majority has it (figure 8).
        if self.storage.term_at(majority) == Some(self.storage.term()) {
            self.apply_up_to(majority);
        }
    }

    // Replication (§5.3): the follower.

    async fn on_append_entries(
        &mut self,
        from: Id,
        term: Term,
        previous: Position,
        entries: Vec<Entry>,
        commit: Index,
    ) -> io::Result<()> {
        // §5.1: a leader of an older term is refused. Our term tells it that it leads no longer.
        if term < self.storage.term() {
            self.send(from, Message::Appended { success: false, index: 0 });
            return Ok(());
        }
        // §5.2: a candidate that hears from the leader of its term gives up.
        self.role = Role::Follower;
        self.leader = Some(from);
        self.wait_for_leader();
        // §5.3: the logs have to match where the entries begin. By induction they then match up to there.
        if self.storage.term_at(previous.index) != Some(previous.term) {
            let index = self.storage.last().index.min(previous.index - 1);
            self.send(from, Message::Appended { success: false, index });
            return Ok(());
        }
        let matched = previous.index + entries.len() as Index;
        self.adopt(previous.index, &entries).await?;
        // Up to where the logs are known to match. What we have after that may not be the leader's.
        self.apply_up_to(commit.min(matched));
        self.send(from, Message::Appended { success: true, index: matched });
        Ok(())
    }

    /// Makes the entries follow `index`.
    async fn adopt(&mut self, mut index: Index, entries: &[Entry]) -> io::Result<()> {
        // Entries that we have stay, with what follows: the message may be older than those.
        let is_here = |(at, entry): &(Index, &Entry)| self.storage.term_at(*at) == Some(entry.term);
        let known = (index + 1..).zip(entries).take_while(is_here).count();
        if known < entries.len() {
            index += known as Index;
            assert!(index >= self.commit, "entry {} is committed, and would be replaced", index + 1);
            // §5.3: an entry that conflicts is removed, with all that follow it.
            self.storage.truncate(index).await?;
            self.storage.append(&entries[known..]).await?;
        }
        Ok(())
    }

    // Both.

    fn apply_up_to(&mut self, commit: Index) {
        while self.commit < commit {
            self.commit += 1;
            let entry = self.storage.entry(self.commit).expect("a committed entry is in the log");
            if let Some(applied) = &self.config.applied {
                applied.note(self.config.id, self.commit, entry);
            }
            let Some(command) = &entry.command else { continue };
            let found = self.store.apply(command);
            if let (Some(reply), Some(found)) = (self.waiting.remove(&self.commit), found) {
                let _ = reply.send(Reply::Done(found));
            }
        }
    }

    fn send(&self, to: Id, message: Message) {
        self.peers.send(to, Envelope { from: self.config.id, term: self.storage.term(), message });
    }
}
