// Sends a game's events to Pitboss: in batches, kept on disk until they are there.
//
// One file, no package: put it into Assets. Unity 2019.4 or later, .NET Standard 2.0 or 2.1.
//
//     var events = PitbossClient.Open("https://api.example.com/prod", "maze", Application.version);
//     events.Track("level.completed", new Dictionary<string, object> {
//         { "level_id", "3" }, { "position_x", 10.5 }, { "position_y", 4.0 }, { "seconds", 81 } });
//
// An event is in the file when Track returns. It is sent until the door has said what became of it,
// over ends of the game too, with the id that Track gave it: what is sent twice is counted once.

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.IO.Compression;
using System.Text;
using UnityEngine;
using UnityEngine.Networking;

/// <summary>Keeps events on disk and sends them. Track from any thread, all else from the main one.</summary>
public sealed class PitbossClient : MonoBehaviour
{
    /// <summary>When events are sent, and how patient the client is. Seconds, all of them.</summary>
    public sealed class Settings
    {
        public int BatchEvents = 100;
        public float BatchSeconds = 5f;
        public int MaxEvents = 20000;
        public float FirstPause = 0.5f;
        public float LongestPause = 60f;
        public float MaxRetryAfter = 3600f;
        public int Timeout = 30;
    }

    /// <summary>An event that the door will not keep: its line of JSON, and why.</summary>
    public event Action<string, string> Refused;

    /// <summary>How many of the oldest went because the buffer is full.</summary>
    public event Action<int> Dropped;

    /// <summary>Why a request was of no use. It is sent again by itself.</summary>
    public event Action<string> Failed;

    public long Accepted { get; private set; }
    public long Duplicate { get; private set; }
    public long RefusedCount { get; private set; }
    public long DroppedCount { get { lock (gate) { return buffer.Dropped; } } }
    public int Waiting { get { lock (gate) { return buffer.Count; } } }
    public string ClientId { get; private set; }

    private const string EventsPath = "/v1/game-events";
    private const int MaxBatchEvents = 500;
    private const int MaxBatchBytes = 1000000;
    private const int MaxEventBytes = 64 * 1024;
    private const int GzipFromBytes = 512;
    private const double RenewSeconds = 60;
    private const int MaxStackCharacters = 8000, MaxMessageCharacters = 500, MaxReportsPerMinute = 10;

    private readonly object gate = new object();
    private readonly System.Random chance = new System.Random();
    private Settings settings;
    private Journal buffer;
    private string address, application, version;
    private string token;
    private double tokenEnds;
    private double firstSince = -1;
    private int failures, largest = MaxBatchEvents;
    private bool isUrgent, isSending, isReporting;
    private double reportMinute;
    private int reportsInMinute, reportsSkipped;

    /// <summary>Make a client that lives as long as the game.</summary>
    /// <param name="address">The API's address with its stage.</param>
    /// <param name="application">As it was registered.</param>
    /// <param name="version">Of the game.</param>
    public static PitbossClient Open(
        string address, string application, string version, Settings settings = null, string file = null)
    {
        var holder = new GameObject("PitbossClient");
        DontDestroyOnLoad(holder);
        var client = holder.AddComponent<PitbossClient>();
        client.Begin(address, application, version, settings ?? new Settings(),
            file ?? Path.Combine(Application.persistentDataPath, "pitboss-events.log"));
        return client;
    }

    /// <summary>Keep an event, to be sent soon.</summary>
    /// <param name="eventType">Such as level.completed.</param>
    /// <param name="fields">level_id, position_x, position_y, and any others: text, numbers,
    /// booleans, null, lists and dictionaries of them.</param>
    /// <returns>The event's id.</returns>
    /// <exception cref="ArgumentException">No door takes it; it is not kept.</exception>
    /// <exception cref="IOException">The disk takes no more; it is not kept.</exception>
    public string Track(string eventType, IDictionary<string, object> fields = null)
    {
        var id = Guid.NewGuid().ToString();
        var whole = new Dictionary<string, object>
        {
            { "event_version", "1" },
            { "event_id", id },
            { "event_timestamp", (long)(Now() * 1000) },
            { "event_type", eventType },
            { "app_name", application },
            { "app_version", version },
            { "client_id", ClientId },
        };
        if (fields != null)
        {
            foreach (var field in fields)
            {
                if (whole.ContainsKey(field.Key))
                    throw new ArgumentException(field.Key + " is the envelope's own");
                whole.Add(field.Key, field.Value);
            }
        }
        var line = Json.Write(whole);
        if (Encoding.UTF8.GetByteCount(line) > MaxEventBytes)
            throw new ArgumentException("the event is longer than " + MaxEventBytes + " bytes");
        int dropped;
        lock (gate)
        {
            dropped = buffer.Append(id, line, settings.MaxEvents);
            if (firstSince < 0) firstSince = Now();
        }
        if (dropped > 0) Tell(Dropped, dropped);
        return id;
    }

    /// <summary>From now on, report exceptions that nobody catches, with their stacks, as events of
    /// the type error_reported. Of more than ten in a minute the others are counted, and the number
    /// is in the next report, as skipped.</summary>
    public void ReportExceptions()
    {
        Application.logMessageReceived -= Report; // once, however often it is asked for
        Application.logMessageReceived += Report;
    }

    private void Report(string condition, string stackTrace, LogType type)
    {
        if (type != LogType.Exception || isReporting) return;
        if (Now() >= reportMinute + 60)
        {
            reportMinute = Now();
            reportsInMinute = 0;
        }
        if (reportsInMinute >= MaxReportsPerMinute)
        {
            reportsSkipped++;
            return;
        }
        reportsInMinute++;
        // "NullReferenceException: Object reference not set": the type and the message.
        var colon = condition.IndexOf(": ", StringComparison.Ordinal);
        var fields = new Dictionary<string, object>
        {
            { "exception", Cut(colon < 0 ? condition : condition.Substring(0, colon), MaxMessageCharacters) },
            { "message", Cut(colon < 0 ? "" : condition.Substring(colon + 2), MaxMessageCharacters) },
            { "stack", Cut(stackTrace ?? "", MaxStackCharacters) },
        };
        if (reportsSkipped > 0) fields.Add("skipped", reportsSkipped);
        isReporting = true; // what fails in here must not be reported in its turn
        try
        {
            Track("error_reported", fields);
            reportsSkipped = 0;
        }
        catch (Exception fault)
        {
            reportsSkipped++;
            Debug.LogException(fault);
        }
        finally { isReporting = false; }
    }

    /// <summary>A text of at most so many characters, and no half of one at its end.</summary>
    private static string Cut(string text, int most)
    {
        if (text.Length <= most) return text;
        return text.Substring(0, char.IsHighSurrogate(text[most - 1]) ? most - 1 : most);
    }

    /// <summary>Send what waits now. Done when nothing waits, or after so many seconds:
    /// yield return client.Flush(5).</summary>
    public IEnumerator Flush(float seconds)
    {
        var until = Now() + seconds;
        isUrgent = true;
        while ((Waiting > 0 || isSending) && Now() < until) yield return null;
    }

    /// <summary>Send what waits and end. What does not get through stays on disk.</summary>
    public IEnumerator Close(float seconds)
    {
        yield return Flush(seconds);
        Application.logMessageReceived -= Report;
        StopAllCoroutines();
        lock (gate) { buffer.Dispose(); }
        Destroy(gameObject);
    }

    private void Begin(string to, string name, string ofVersion, Settings how, string file)
    {
        if (how.BatchEvents < 1 || how.BatchEvents > MaxBatchEvents || how.MaxEvents < 2 * MaxBatchEvents)
            throw new ArgumentException("BatchEvents is from 1 to 500, MaxEvents at least 1000");
        address = to.TrimEnd('/');
        application = name;
        version = ofVersion;
        settings = how;
        buffer = new Journal(file);
        ClientId = buffer.ClientId;
        if (buffer.Count > 0) isUrgent = true;
        StartCoroutine(Run());
    }

    private void OnApplicationPause(bool isPaused)
    {
        // A game in the background may never come back: what waits is tried now.
        if (isPaused) isUrgent = true;
    }

    private IEnumerator Run()
    {
        while (true)
        {
            while (!IsDue()) yield return null;
            isSending = true;
            List<Journal.Entry> batch;
            lock (gate) { batch = buffer.Take(largest, MaxBatchBytes); }
            var step = new Step();
            if (batch.Count > 0) yield return Send(batch, step);
            lock (gate)
            {
                buffer.Release();
                firstSince = buffer.Count > 0 ? Now() : -1;
                if (buffer.Count == 0) isUrgent = false;
            }
            isSending = false;
            var until = Now() + step.Pause;
            while (Now() < until) yield return null;
        }
    }

    private sealed class Step
    {
        public double Pause;
    }

    private bool IsDue()
    {
        lock (gate)
        {
            if (buffer.Count == 0) { isUrgent = false; return false; }
            if (firstSince < 0) firstSince = Now();
            return isUrgent || buffer.Count >= settings.BatchEvents
                || Now() >= firstSince + settings.BatchSeconds;
        }
    }

    private IEnumerator Send(List<Journal.Entry> batch, Step step)
    {
        if (token == null || Now() > tokenEnds - RenewSeconds)
        {
            token = null;
            var asked = Json.Write(new Dictionary<string, object> { { "client_id", ClientId } });
            using (var request = Post("/v1/applications/" + application + "/installs", asked, "application/json", false))
            {
                yield return request.SendWebRequest();
                var document = Json.ReadObject(Text(request));
                object text, ends;
                if (request.responseCode / 100 == 2 && document.TryGetValue("token", out text) && text is string
                    && document.TryGetValue("expires_at", out ends) && ends is double)
                {
                    token = (string)text;
                    tokenEnds = (double)ends / 1000;
                }
                else
                {
                    step.Pause = Fail("no token: " + Said(request), RetryAfter(request));
                    yield break;
                }
            }
        }
        var body = new StringBuilder();
        foreach (var entry in batch)
        {
            if (body.Length > 0) body.Append('\n');
            body.Append(entry.Line);
        }
        using (var request = Post(EventsPath, body.ToString(), "application/x-ndjson", true))
        {
            request.SetRequestHeader("Authorization", "Bearer " + token);
            yield return request.SendWebRequest();
            step.Pause = Read(request, batch);
        }
    }

    private double Read(UnityWebRequest request, List<Journal.Entry> batch)
    {
        var status = request.responseCode;
        var told = status == 200 || status == 503 ? Verdicts(Text(request), batch.Count) : null;
        if (told != null) return Settle(request, batch, told);
        if (status == 401)
        {
            // A token that has just ended is exchanged at once; one that never was good is not.
            var isFirst = failures == 0;
            token = null;
            var pause = Fail(Said(request), RetryAfter(request));
            return isFirst ? 0 : pause;
        }
        if (status == 413 || status == 422)
        {
            if (batch.Count > 1)
            {
                largest = batch.Count / 2; // together they are too long, or one of them is
                return 0;
            }
            lock (gate) { buffer.Settle(batch); }
            largest = MaxBatchEvents;
            Refuse(batch[0], Said(request));
            return 0;
        }
        return Fail(Said(request), RetryAfter(request));
    }

    private double Settle(UnityWebRequest request, List<Journal.Entry> batch, string[][] told)
    {
        var settled = new List<Journal.Entry>();
        var failed = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            if (told[i][0] == "failed") { failed++; continue; }
            settled.Add(batch[i]);
        }
        lock (gate) { buffer.Settle(settled); }
        largest = Math.Min(MaxBatchEvents, largest * 2);
        for (var i = 0; i < batch.Count; i++)
        {
            if (told[i][0] == "accepted") Accepted++;
            if (told[i][0] == "duplicate") Duplicate++;
            if (told[i][0] == "quarantined") Refuse(batch[i], told[i][1]);
        }
        if (failed > 0) return Fail(failed + " of " + batch.Count + " events", RetryAfter(request));
        failures = 0;
        return 0;
    }

    /// <summary>What an answer says of each event, status and reason; null where it says nothing
    /// that can be relied on. A page of a hotel's network is a 200 too.</summary>
    private static string[][] Verdicts(string text, int sent)
    {
        var document = Json.ReadObject(text);
        if (Number(document, "received") != sent) return null;
        var told = new string[sent][];
        int quarantined = 0, failed = 0;
        object listed;
        if (document.TryGetValue("events", out listed) && listed is List<object>)
        {
            foreach (var item in (List<object>)listed)
            {
                var verdict = item as Dictionary<string, object>;
                if (verdict == null) return null;
                object status, reason;
                verdict.TryGetValue("status", out status);
                verdict.TryGetValue("reason", out reason);
                var index = Number(verdict, "index");
                if (index < 0 || index >= sent || index != Math.Floor(index)) return null;
                if (!"accepted duplicate quarantined failed".Contains(status as string ?? "?")) return null;
                told[(int)index] = new[] { (string)status, reason as string ?? "" };
            }
        }
        foreach (var verdict in told)
        {
            if (verdict != null && verdict[0] == "quarantined") quarantined++;
            if (verdict != null && verdict[0] == "failed") failed++;
        }
        // One that is not listed is accepted, if no failure is missing in the list.
        var isWhole = Math.Max(0, Number(document, "quarantined")) == quarantined
            && Math.Max(0, Number(document, "failed")) == failed;
        for (var i = 0; i < sent; i++)
            told[i] = told[i] ?? new[] { isWhole ? "accepted" : "failed", "" };
        return told;
    }

    private static double Number(Dictionary<string, object> document, string name)
    {
        object value;
        return document.TryGetValue(name, out value) && value is double ? (double)value : -1;
    }

    /// <summary>Count a failure; how long to wait: exponential, with full jitter, after Retry-After.</summary>
    private double Fail(string why, double asked)
    {
        Tell(Failed, why);
        var most = Math.Min(settings.LongestPause, settings.FirstPause * Math.Pow(2, Math.Min(failures, 30)));
        failures++;
        return Math.Min(asked, settings.MaxRetryAfter) + chance.NextDouble() * most;
    }

    private void Refuse(Journal.Entry entry, string reason)
    {
        RefusedCount++;
        try { if (Refused != null) Refused(entry.Line, reason); }
        catch (Exception fault) { Debug.LogException(fault); }
    }

    /// <summary>Call back; what fails there is the game's, and must not end the sending.</summary>
    private static void Tell<T>(Action<T> callback, T fact)
    {
        try { if (callback != null) callback(fact); }
        catch (Exception fault) { Debug.LogException(fault); }
    }

    private UnityWebRequest Post(string path, string text, string type, bool mayCompress)
    {
        var body = Encoding.UTF8.GetBytes(text);
        var isCompressed = mayCompress && body.Length >= GzipFromBytes;
        if (isCompressed)
        {
            using (var packed = new MemoryStream())
            {
                using (var gzip = new GZipStream(packed, CompressionMode.Compress)) gzip.Write(body, 0, body.Length);
                body = packed.ToArray();
            }
        }
        var request = new UnityWebRequest(address + path, "POST");
        request.uploadHandler = new UploadHandlerRaw(body);
        request.downloadHandler = new DownloadHandlerBuffer();
        request.timeout = settings.Timeout;
        request.SetRequestHeader("Content-Type", type);
        if (isCompressed) request.SetRequestHeader("Content-Encoding", "gzip");
        return request;
    }

    private static string Text(UnityWebRequest request)
    {
        return request.downloadHandler.text ?? "";
    }

    private static string Said(UnityWebRequest request)
    {
        object detail;
        Json.ReadObject(Text(request)).TryGetValue("detail", out detail);
        return request.responseCode + " " + (detail as string ?? request.error ?? "");
    }

    private static double RetryAfter(UnityWebRequest request)
    {
        int seconds;
        var text = request.GetResponseHeader("Retry-After");
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds) ? seconds : 0;
    }

    private static double Now()
    {
        return (DateTime.UtcNow - new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc)).TotalSeconds;
    }

    /// <summary>The events that are not there yet: a file that only grows, and is written anew when
    /// most of it is settled. "+id line" is an event, "-id" is one that is settled, "i id" is the
    /// install, "d n" is how many were dropped. A line without its end is of a crash, and is none.</summary>
    private sealed class Journal : IDisposable
    {
        public sealed class Entry
        {
            public string Id, Line;
            public int Bytes;
        }

        private const int RewriteFrom = 1000;
        private readonly string path;
        private readonly LinkedList<Entry> entries = new LinkedList<Entry>();
        private FileStream file;
        private int taken, settled;

        public string ClientId { get; private set; }
        public long Dropped { get; private set; }
        public int Count { get { return entries.Count; } }

        public Journal(string path)
        {
            this.path = path;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path)));
            // A rewriting that was cut off before its last step left the old file whole.
            if (!File.Exists(path) && File.Exists(path + ".new")) File.Move(path + ".new", path);
            if (File.Exists(path)) Read();
            if (ClientId == null) ClientId = Guid.NewGuid().ToString();
            Rewrite();
        }

        public int Append(string id, string line, int most)
        {
            var entry = new Entry { Id = id, Line = line, Bytes = Encoding.UTF8.GetByteCount(line) };
            Put("+" + id + " " + line);
            entries.AddLast(entry);
            var dropped = 0;
            while (entries.Count > most && entries.Count > taken)
            {
                // The oldest that is not being sent.
                var oldest = entries.First;
                for (var i = 0; i < taken; i++) oldest = oldest.Next;
                Put("-" + oldest.Value.Id);
                entries.Remove(oldest);
                dropped++;
            }
            if (dropped > 0)
            {
                Dropped += dropped;
                settled += dropped;
                Put("d " + Dropped.ToString(CultureInfo.InvariantCulture));
                Tidy();
            }
            return dropped;
        }

        public List<Entry> Take(int most, int mostBytes)
        {
            var found = new List<Entry>();
            var size = 0;
            foreach (var entry in entries)
            {
                size += entry.Bytes + 1;
                if (found.Count >= most || (found.Count > 0 && size > mostBytes)) break;
                found.Add(entry);
            }
            taken = found.Count;
            return found;
        }

        public void Settle(List<Entry> known)
        {
            var lines = new StringBuilder();
            foreach (var entry in known)
            {
                lines.Append('-').Append(entry.Id).Append('\n');
                if (entries.Remove(entry)) taken = Math.Max(0, taken - 1);
            }
            Put(lines.ToString().TrimEnd('\n'));
            settled += known.Count;
            Tidy();
        }

        public void Release()
        {
            taken = 0;
        }

        public void Dispose()
        {
            if (file != null) file.Dispose();
            file = null;
        }

        private void Put(string line)
        {
            if (line.Length == 0) return;
            if (file == null) throw new IOException("the client is closed");
            var bytes = Encoding.UTF8.GetBytes(line + "\n");
            file.Write(bytes, 0, bytes.Length);
            file.Flush(); // to the system: an end of the game does not lose it
        }

        /// <summary>Write the file anew when most of it is settled: it never grows without bound.</summary>
        private void Tidy()
        {
            if (settled >= RewriteFrom && settled > entries.Count) Rewrite();
        }

        private void Read()
        {
            var places = new Dictionary<string, LinkedListNode<Entry>>();
            var text = File.ReadAllText(path, Encoding.UTF8);
            var end = text.LastIndexOf('\n');
            foreach (var line in (end < 0 ? "" : text.Substring(0, end)).Split('\n'))
            {
                if (line.Length < 2) continue;
                var rest = line.Substring(1);
                var space = rest.IndexOf(' ');
                LinkedListNode<Entry> known;
                if (line[0] == '+' && space > 0 && !places.ContainsKey(rest.Substring(0, space)))
                {
                    var body = rest.Substring(space + 1);
                    var entry = new Entry
                    {
                        Id = rest.Substring(0, space), Line = body, Bytes = Encoding.UTF8.GetByteCount(body)
                    };
                    places[entry.Id] = entries.AddLast(entry);
                }
                else if (line[0] == '-' && places.TryGetValue(rest, out known))
                {
                    entries.Remove(known);
                    places.Remove(rest);
                }
                else if (line[0] == 'i') ClientId = rest.Trim();
                else if (line[0] == 'd')
                {
                    long dropped;
                    if (long.TryParse(rest.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out dropped))
                        Dropped = dropped;
                }
            }
        }

        private void Rewrite()
        {
            Dispose();
            var fresh = path + ".new";
            using (var writer = new StreamWriter(fresh, false, new UTF8Encoding(false)))
            {
                writer.NewLine = "\n";
                writer.WriteLine("i " + ClientId);
                if (Dropped > 0) writer.WriteLine("d " + Dropped.ToString(CultureInfo.InvariantCulture));
                foreach (var entry in entries) writer.WriteLine("+" + entry.Id + " " + entry.Line);
            }
            if (File.Exists(path)) File.Delete(path);
            File.Move(fresh, path);
            file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
            settled = 0;
        }
    }

    /// <summary>As much of JSON as events and answers need.</summary>
    private static class Json
    {
        public static string Write(object value)
        {
            var text = new StringBuilder();
            Write(text, value);
            return text.ToString();
        }

        /// <summary>An object; an empty one where the text is none.</summary>
        public static Dictionary<string, object> ReadObject(string text)
        {
            try
            {
                var at = 0;
                var value = Read(text, ref at) as Dictionary<string, object>;
                Skip(text, ref at);
                if (value != null && at == text.Length) return value;
            }
            catch (FormatException) { }
            catch (IndexOutOfRangeException) { }
            catch (ArgumentOutOfRangeException) { }
            return new Dictionary<string, object>();
        }

        private static void Write(StringBuilder text, object value)
        {
            if (value == null) text.Append("null");
            else if (value is string) Quote(text, (string)value);
            else if (value is bool) text.Append((bool)value ? "true" : "false");
            else if (value is float || value is double)
            {
                var number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
                if (double.IsNaN(number) || double.IsInfinity(number))
                    throw new ArgumentException(number + " is no number of JSON");
                text.Append(((IFormattable)value).ToString("R", CultureInfo.InvariantCulture));
            }
            else if (value is int || value is long || value is short || value is byte || value is uint
                || value is ulong || value is ushort || value is sbyte || value is decimal)
                text.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
            else if (value is IDictionary<string, object>)
            {
                var separator = '{';
                foreach (var field in (IDictionary<string, object>)value)
                {
                    text.Append(separator);
                    Quote(text, field.Key);
                    text.Append(':');
                    Write(text, field.Value);
                    separator = ',';
                }
                if (separator == '{') text.Append('{');
                text.Append('}');
            }
            else if (value is IEnumerable)
            {
                var separator = '[';
                foreach (var item in (IEnumerable)value)
                {
                    text.Append(separator);
                    Write(text, item);
                    separator = ',';
                }
                if (separator == '[') text.Append('[');
                text.Append(']');
            }
            else throw new ArgumentException(value.GetType() + " is nothing that JSON has");
        }

        private static void Quote(StringBuilder text, string value)
        {
            text.Append('"');
            foreach (var sign in value)
            {
                if (sign == '"' || sign == '\\') text.Append('\\').Append(sign);
                else if (sign < ' ' || sign == '\u2028' || sign == '\u2029' || char.IsSurrogate(sign))
                    text.Append("\\u").Append(((int)sign).ToString("x4", CultureInfo.InvariantCulture));
                else text.Append(sign);
            }
            text.Append('"');
        }

        private static object Read(string text, ref int at)
        {
            Skip(text, ref at);
            switch (text[at])
            {
                case '{':
                    var fields = new Dictionary<string, object>();
                    at++;
                    while (More(text, ref at, '}', fields.Count > 0))
                    {
                        Skip(text, ref at);
                        var name = ReadString(text, ref at);
                        Skip(text, ref at);
                        Expect(text, ref at, ":");
                        fields[name] = Read(text, ref at);
                    }
                    return fields;
                case '[':
                    var items = new List<object>();
                    at++;
                    while (More(text, ref at, ']', items.Count > 0)) items.Add(Read(text, ref at));
                    return items;
                case '"': return ReadString(text, ref at);
                case 't': Expect(text, ref at, "true"); return true;
                case 'f': Expect(text, ref at, "false"); return false;
                case 'n': Expect(text, ref at, "null"); return null;
            }
            var begin = at;
            while (at < text.Length && "+-0123456789.eE".IndexOf(text[at]) >= 0) at++;
            return double.Parse(text.Substring(begin, at - begin), NumberStyles.Float, CultureInfo.InvariantCulture);
        }

        private static bool More(string text, ref int at, char close, bool hasSome)
        {
            Skip(text, ref at);
            if (text[at] == close) { at++; return false; }
            if (hasSome) Expect(text, ref at, ",");
            return true;
        }

        private static string ReadString(string text, ref int at)
        {
            Expect(text, ref at, "\"");
            var value = new StringBuilder();
            while (text[at] != '"')
            {
                var sign = text[at++];
                if (sign == '\\')
                {
                    sign = text[at++];
                    if (sign == 'u')
                    {
                        sign = (char)int.Parse(text.Substring(at, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                        at += 4;
                    }
                    else
                    {
                        var place = "bfnrt".IndexOf(sign);
                        if (place >= 0) sign = "\b\f\n\r\t"[place];
                    }
                }
                value.Append(sign);
            }
            at++;
            return value.ToString();
        }

        private static void Expect(string text, ref int at, string what)
        {
            if (string.CompareOrdinal(text, at, what, 0, what.Length) != 0) throw new FormatException();
            at += what.Length;
        }

        private static void Skip(string text, ref int at)
        {
            while (at < text.Length && " \t\r\n".IndexOf(text[at]) >= 0) at++;
        }
    }
}
