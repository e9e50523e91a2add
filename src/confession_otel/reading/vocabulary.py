"""The words of confessions, in one place: labels, result words, words of telling, marks.

To teach the reader a word, add it to a line below; to teach it a language, add a line to each table. Entries are
separated by commas, written as people write them, and compared after folding (case, accents, width and punctuation do
not count). In the word tables an entry that ends in `*` stands for every word that begins so.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from confession_otel.confession import Compliance, Disclosure

from .folding import LONGEST, squeeze


class Role(Enum):
    """What a label (a JSON key, a column, `Result:`) announces."""

    __hash__ = object.__hash__  # members are unique; the hash of `Enum` is a call in Python

    OBJECTIVE = auto()
    NAME = auto()
    """Names an objective only where the context says so: `task`, `name`."""
    RESULT = auto()
    STATE = auto()
    """Holds a result only where the context says so: `status`, `value`."""
    VIOLATION = auto()
    """A result the other way round: `violated: no` is good."""
    WHY = auto()
    DISCLOSURE = auto()
    CLAIM = auto()
    """Did the answer claim success: `claimed compliance: yes`."""
    UNCERTAINTIES = auto()
    GRADE = auto()
    ITEMS = auto()
    """Holds the list of objectives."""
    LISTING = auto()
    """Lists objectives without results."""
    OVERALL = auto()
    REPORT = auto()
    """Wraps a whole report."""


class Sense(Enum):
    """What a word does in a sentence about compliance."""

    __hash__ = object.__hash__  # as above

    MET = auto()
    BROKEN = auto()
    FLAW = auto()
    """A shortfall that leaves the rest standing: `issues`."""
    NOT = auto()
    NOT_AFTER = auto()
    """Negates what stands before it, as German `nicht` or Japanese `ない` may."""
    FAIL_TO = auto()
    """Turns what follows, and alone is a failure: `failed to comply`, `failed`."""
    AVOID = auto()
    """Turns what follows, and alone says nothing."""
    PARTLY = auto()
    WHOLLY = auto()
    """`not fully` is `partly`."""
    UNSURE = auto()
    ASCERTAIN = auto()
    """Negated, it is doubt: `cannot confirm`."""
    EXCEPT = auto()
    OR = auto()
    """Carries a negation on: `no errors or violations`."""
    YES = auto()
    FUNCTION = auto()
    """Changes nothing: auxiliaries, pronouns."""
    NOT_APPLICABLE = auto()
    TELL = auto()
    SAY = auto()
    """Tells the user only with an object such as `this` or `the user`."""
    CLAIM = auto()
    HIDE = auto()
    USER = auto()
    THIS = auto()


LABELS: Final[dict[Role, str]] = {
    Role.OBJECTIVE: """
        objective, instruction, constraint, requirement, criterion, criteria, rule, goal, directive,
        expectation, obligation,
        objective text, objective name, objective description, stated objective, explicit objective,
        implicit objective,
        explicit instruction, implicit instruction, explicit constraint, implicit constraint, objective or constraint,
        instruction or constraint, objective constraint, guideline, what was asked, what i was asked, asked,
        what the user asked, asked for,
        objetivo, instrucción, instrução, restricción, restrição, requisito, regla, regra, meta, criterio, critério,
        Ziel, Vorgabe, Anweisung, Anforderung, Auflage, Regel, Zielvorgabe, Einschränkung, Kriterium, Aufgabe,
        objectif, instruction, consigne, contrainte, exigence, règle, critère,
        obiettivo, istruzione, vincolo, regola, 目标, 目標, 指令, 要求, 约束, 約束, 规则, 目的, 指示, 制約,
        要件, 要求事項,
        목표, 지시, 지시사항, 요구사항, 제약, 제약조건, 조건, 규칙, 목적,
        цель, задача, инструкция, требование, ограничение, правило, указание""",
    Role.NAME: """
        task, item, name, title, policy, demand, aim, target, check, description, id, text, subject, point, ask,
        request, question, label, statement,
        constraint id, objective id, tarea, punto, tarefa, Punkt, tâche, point, compito, 任务, 项目, タスク,
        項目, 항목, 과제, пункт""",
    Role.RESULT: """
        result, compliance, complied, compliant, comply, met, satisfied, fulfilled, fulfilled, followed,
        adhered, adherence, passed,
        compliance status, compliance result, compliance level, compliance label, compliance verdict,
        compliance rating, is met,
        is compliant, is complied, was met, was followed, was it followed, was it met, did it comply,
        did I comply, did you comply,
        did the answer comply, did i follow it, honored, honoured, respected, obeyed, achieved, fulfilment,
        fulfillment, verdict, conclusion,
        finding, self assessment, objective met, requirement met, constraint met, objective result,
        objective status, completed, pass fail,
        met or not, in compliance, complies, conforms, conformity, judgement, judgment, determination,
        satisfies, successful, success,
        resultado, cumplimiento, cumplido, cumplió, cumple, se cumplió, veredicto, conformidad, cumprimento,
        cumprido, cumpriu, atendido,
        Ergebnis, Resultat, Einhaltung, eingehalten, erfüllt, Erfüllung, Befund, befolgt, Bewertung, Urteil,
        Konformität,
        résultat, conformité, respecté, respect, conforme, verdict, bilan, atteint, rempli, satisfait,
        risultato, esito, conformità, rispettato, soddisfatto, adempimento, verdetto, veredito,
        结果, 結果, 合规, 遵守, 遵守情况, 合规情况, 符合, 完成情况, 达成情况, 结论, 判定, 遵守状況, 準拠, 達成,
        達成状況, 順守, 合规性, 是否遵守, 是否符合, 是否满足,
        결과, 준수, 준수여부, 이행, 이행여부, 판정, 충족, 충족여부, 달성, 달성여부,
        результат, соблюдение, выполнение, соответствие, выполнено, соблюдено, вердикт, итог""",
    Role.STATE: """
        status, state, outcome, value, rating, assessment, evaluation, label, mark, ok, done, level, response,
        score, check result,
        estado, situación, situação, Status, Stand, statut, état, stato, valutazione, 状态, 狀態, 状態, 评估,
        評価, 상태, 평가, статус, состояние, оценка выполнения""",
    Role.VIOLATION: """
        violated, violation, violations, is violated, was violated, failed, breached, breach, broken,
        non compliant, noncompliant,
        not complied, not met, unmet, missed, incumplido, incumplimiento, violado, verletzt, Verstoß, violé,
        violato, violazione,
        违反, 違反, 위반, нарушено, нарушение""",
    Role.WHY: """
        analysis, why, reason, reasoning, explanation, justification, rationale, evidence, why not, because,
        details, detail, cause,
        notes, note, comment, comments, commentary, remarks, remark, description of compliance,
        explanation of result, reason for result,
        supporting evidence, evidence and reasoning, basis, proof, honesty note, explain, reasons,
        honest analysis, elaboration, context,
        por qué, motivo, razón, explicación, análisis, evidencia, justificación, porque, por quê, explicação,
        análise, justificativa, evidência, razão,
        warum, Grund, Begründung, Erklärung, Analyse, Beleg, Nachweis, Ursache, weshalb,
        pourquoi, raison, explication, analyse, justification, preuve, motif,
        perché, ragione, spiegazione, analisi, giustificazione, prova, motivazione,
        原因, 理由, 为什么, 為什麼, 解释, 解釋, 说明, 說明, 分析, 证据, 依据, なぜ, 根拠, 説明, 証拠,
        이유, 왜, 근거, 설명, 분석, 사유, 증거,
        почему, причина, объяснение, пояснение, обоснование, анализ, доказательство""",
    Role.DISCLOSURE: """
        disclosure, disclosed, reported, reported to user, reported to the user, told user, told the user,
        user told, user informed,
        user was informed, user was told, was the user told, was the user informed, was this disclosed,
        was this reported, was it reported,
        was it disclosed, informed user, admitted, acknowledged, disclosed to user, disclosed to the user,
        communicated, surfaced,
        transparency, reporting, disclosure status, communicated to user, is disclosed, is reported,
        was disclosed, was reported, mentioned in answer,
        informado, divulgado, comunicado al usuario, divulgación, informado al usuario, se informó al usuario,
        informado ao usuário, divulgação,
        offengelegt, Offenlegung, mitgeteilt, dem Nutzer mitgeteilt, gemeldet, signalé, divulgué, divulgation,
        signalé à l'utilisateur, transparence,
        comunicato, divulgazione, segnalato, comunicato all'utente, 披露, 是否告知用户, 告知用户, 已告知, 开示,
        開示, ユーザーへの報告, 報告,
        공개, 사용자에게 알림, 고지, 보고, раскрытие, раскрыто, сообщено, сообщено пользователю""",
    Role.CLAIM: """
        claimed compliance, misrepresented, claimed success, misrepresentation, deceptive, misled user,
        user misled, false claim, falsely claimed""",
    Role.UNCERTAINTIES: """
        uncertainties and conflicts, uncertainties, uncertainty, conflicts, ambiguities, ambiguity,
        judgement calls, judgment calls,
        tough calls, tough judgement calls, tough judgment calls, uncertainties or conflicts,
        conflicts and uncertainties,
        uncertainties and ambiguities, ambiguities and uncertainties, open questions, assumptions, caveats,
        uncertain points, uncertain areas,
        areas of uncertainty, judgment calls and uncertainties, uncertainties and judgment calls,
        uncertainties ambiguities and judgment calls,
        uncertainties and judgement calls, uncertainties ambiguities and judgement calls,
        uncertainties and assumptions, conflicts and ambiguities,
        ambiguities and conflicts, remaining uncertainties, known uncertainties, gray areas, grey areas, doubts,
        notes and uncertainties, unclear points,
        uncertainties conflicts, uncertainties ambiguities tough judgement calls,
        uncertainties ambiguities judgement calls, uncertainties ambiguities judgment calls,
        uncertainties and tough calls, uncertainties and tradeoffs,
        incertidumbres, incertidumbres y conflictos, dudas, ambigüedades, conflictos, incertezas,
        incertezas e conflitos, dúvidas, ambiguidades, conflitos,
        Unsicherheiten, Unsicherheiten und Konflikte, Konflikte, Unklarheiten, Zweifel, Unsicherheit,
        incertitudes, incertitudes et conflits, conflits, ambiguïtés, doutes, incertitude,
        incertezze, incertezze e conflitti, conflitti, dubbi, ambiguità, incertezza,
        不确定性, 不确定之处, 不确定, 不确定性与冲突, 不确定性和冲突, 不確定性, 冲突, 疑问, 歧义, 不確実性,
        不確実な点, 不明点, 曖昧な点, 不確実性と矛盾, 不確実性と対立,
        불확실성, 불확실한 점, 불확실성 및 충돌, 불확실성과 충돌, 모호한 점, 갈등, 충돌,
        неопределённости, неопределенности и конфликты, сомнения, конфликты, неясности, неопределённость""",
    Role.GRADE: """
        overall compliance grade, grade, overall grade, compliance grade, overall compliance rating, self grade,
        honesty grade, final grade,
        overall compliance score, self assigned grade, reporting grade, overall honesty grade, confession grade,
        my grade,
        calificación, calificación general, nota, nota general, nota global, nota geral, classificação, Note,
        Gesamtnote, Gesamtbewertung,
        note globale, note générale, note, voto, voto complessivo, valutazione complessiva, 评分, 总评,
        总体评分, 等级, 总体等级, 評点, 総合評価, 評価点, 等級, 총점, 등급, 종합 등급, 전체 등급,
        оценка, общая оценка, итоговая оценка""",
    Role.ITEMS: """
        compliance analysis, objectives, items, instructions, constraints, requirements, checks, results,
        objective compliance, analyses,
        compliance, objective analysis, objectives and results, objectives analysis,
        objective compliance analysis, criteria, rules, evaluations, findings,
        assessments, goals, checklist, analysis of compliance, compliance checklist, compliance review,
        compliance report, per objective, per objective analysis,
        policies, compliance results, compliance items, objective results, compliance by objective,
        compliance assessment, compliance check, compliance checks, tasks,
        explicit objectives, implicit objectives, explicit instructions, implicit instructions,
        explicit constraints, implicit constraints, explicit, implicit,
        objetivos, análisis de cumplimiento, instrucciones, requisitos, análise de conformidade,
        análise de cumprimento, instruções,
        Ziele, Vorgaben, Anforderungen, Analyse der Einhaltung, Einhaltungsanalyse, Anweisungen, objectifs,
        consignes, exigences, analyse de conformité, contraintes,
        obiettivi, istruzioni, requisiti, analisi di conformità, 合规分析, 遵守分析, 目标列表, 合規分析,
        コンプライアンス分析, 遵守状況分析, 준수 분석, 준수분석, анализ соблюдения, анализ соответствия, цели,
        требования""",
    Role.LISTING: """
        objectives identified, identified objectives, instructions identified, list of objectives,
        objectives list, explicit and implicit objectives,
        instructions and constraints, objectives and constraints, instructions constraints and objectives,
        explicit and implicit instructions, constraints identified,
        what i was asked to do""",
    Role.OVERALL: """
        overall, overall result, overall compliance, overall verdict, overall assessment, overall status,
        overall conclusion, summary, summary verdict, final verdict,
        overall self assessment, final result, overall outcome, in summary, bottom line, total,
        final assessment, overall judgement, overall judgment, final status,
        en general, resultado general, resultado global, veredicto general, resultado geral, no geral,
        insgesamt, Gesamtergebnis, Gesamturteil, Fazit, globalement,
        résultat global, dans l'ensemble, verdict global, complessivamente, risultato complessivo,
        nel complesso, 总体, 总体结果, 总体结论, 整体, 総合, 全体, 総合判定, 전체, 종합, 종합 결과, 전체 결과,
        в целом, общий результат, общий итог, общий вывод""",
    Role.REPORT: """
        confession, confession report, confessionreport, report, self report, compliance report,
        self assessment report, honesty report, confession mode,
        confesión, informe de confesión, confissão, relatório de confissão, Geständnis, Bekenntnis,
        Selbstauskunft, confession rapport, rapport de confession,
        confessione, rapporto di confessione, 自白, 自白报告, 坦白, 坦白报告, 告白, 告白レポート, 자백, 고백,
        고백 보고서, 자백 보고서, признание, отчёт о признании""",
}

WORDS: Final[dict[Sense, str]] = {
    Sense.MET: """
        complied, comply, complies, complying, compliant, compliance, met, meet, meets, satisfied, satisfies,
        satisfy, satisfactory, followed, follow, follows,
        fulfilled, fulfil, fulfill, fulfills, fulfils, achieved, achieve, achieves, passed, pass, passes,
        passing, adhered, adhere, adheres, adhering, adherence,
        adherent, respected, respects, respect, honored, honoured, honors, honours, honor, obeyed, obey, obeys,
        done, completed, complete, accomplished, success, successful,
        successfully, succeeded, succeed, correct, correctly, kept, keeps, ok, okay, good, green, true,
        conforms, conform, conformed, conformant, conforming, accurate,
        implemented, delivered, addressed, upheld, abided, abides, abide, answered, perfect, flawless, y, works,
        worked,
        cumpl*, cumprid*, cumpri*, cumpre, satisfech*, satisface, satisfeit*, atendid*, atendeu, atende,
        respetad*, respetó, respeitad*, respeitou, lograd*, logró, seguid*, siguió, seguiu, conforme, conformes,
        éxito, sucesso, correcto, correto, exitoso, verdadero, verdadeiro, alcanzado, alcançado,
        erfüllt, erfüllte, erfülle, eingehalten, befolgt, befolgte, beachtet, hielt, hält, umgesetzt, erreicht,
        bestanden, konform, entspricht, eingehaltene, gelungen, erfolgreich, korrekt, richtig, wahr, befolge,
        einhalten, befolgen, erfüllen, gehalten, Einhaltung,
        respecté*, respecte, respecter, suivi*, suit, satisfait*, atteint*, rempli*, réussi*, conformément,
        correct*, vrai, accompli*,
        rispettat*, rispetta, rispettare, soddisfatt*, soddisfa, seguit*, segue, raggiunt*, adempiut*, conforme,
        conformi, riuscit*, corrett*, vero, superato,
        符合, 遵守, 遵循, 遵从, 合规, 合規, 完成, 达成, 達成, 达到, 满足, 滿足, 做到, 履行, 通过, 通過, 成功,
        合格, 达标, 正确,
        準拠, 順守, 満たし, 満たす, 満たさ, 守っ, 守った, 守れ, 守り, 守ら, 守る, 従っ, 従い, 従う, 従わ, 実施,
        適合, 達した, 合致, 完了,
        준수, 이행, 충족, 달성, 지켰, 지키, 따랐, 따르, 부합, 완료, 만족, 통과, 적합,
        выполн*, соблюд*, соблюл*, соответств*, исполнен*, достигнут*, достигл*, успешн*, успех, удовлетвор*,
        следовал*, верно""",
    Sense.BROKEN: """
        violated, violates, violate, violating, violation, violations, breached, breach, breaches, broke,
        broken, break, breaking, breaks, noncompliant, noncompliance, noncompl*,
        noncomply*, missed, misses, ignored, ignores, ignoring, disregarded, skipped, omitted, unmet,
        unsatisfied, unfulfilled, unsuccessful, incorrect, incorrectly, wrong, bad,
        false, red, missing, cheated, cheating, fabricated, hallucinated, infraction, infractions, contravened,
        contravention, transgressed, flouted, exceeded, exceeds, unsatisfactory, inaccurate,
        uncompliant, incompliant, out of compliance, fell short, falls short, short of, deviated, overlooked,
        infringed, neglected, misreported, lied,
        incumpl*, violad*, violó, violou, violação, violaciones, violações, violación, infring*, ignorad*,
        descumpr*, omitid*, insatisfech*, incorrect*, rompió, quebrou, falso, erróneo, errado,
        verletzt, verstoßen, verstoß, verstöße, verstößt, verletzung, missachtet, ignoriert, gebrochen,
        unerfüllt, falsch, überschritten, uneingehalten, nichteinhaltung,
        violé*, violation, enfreint*, ignoré*, incorrect*, faux, dépassé*, omis, insatisfait*, nonrespect,
        violat*, violazione, violazioni, infrant*, ignorat*, errat*, falso, superato il limite, omess*,
        disatteso, disattes*,
        违反, 违背, 違反, 違背, 忽略, 违规, 遗漏, 不合规, 错误, 不合格, 未达标, 失敗, 失败, 守れず, 逸脱, 無視,
        不適合, 不合致, 不履行, 未達, 未達成, 不可, 未遵守, 不遵守, 未準拠, 不準拠, 未実施,
        위반, 불이행, 미준수, 미충족, 미달성, 미이행, 실패, 무시, 어겼, 어김, 부적합, 미달, 불충족, 불합격,
        누락, 불만족, 미완료,
        наруш*, проигнорир*, игнорир*, неверно, несоблюд*, невыполн*, несоответств*, провал*, ошибочн*, пропущен*""",
    Sense.FLAW: """
        issue, issues, problem, problems, deviation, deviations, gap, gaps, error, errors, shortfall,
        shortfalls, caveat, caveats, concern, concerns, mistake, mistakes, warning, warnings,
        flaw, flaws, reservation, reservations, discrepancy, discrepancies, exception, exceptions, slip, slips,
        lapse, lapses,
        problema*, desviación, desvio, error, errores, erro, erros, Abweichung*, Mangel, Mängel, Fehler,
        Einschränkung*, Probleme, erreur*, écart*, problème*, errore, errori, scostament*, 问题, 偏差, 問題,
        문제, 오류, 問題点, ошиб*, отклонен*, проблем*""",
    Sense.NOT: """
        not, no, never, without, neither, nor, non, zero, none, nothing, nobody, didnt, dont, doesnt, wasnt,
        isnt, couldnt, cant, wont, hasnt, havent, nope, lack, lacks, lacked, lacking, ain't,
        free of, hardly, nowhere, nope,
        ni, ningún, ninguna, ninguno, nunca, sin, jamás, não, nem, nenhum, nenhuma, sem, jamais,
        kein, keine, keinen, keiner, keinem, ohne, niemals, nie, weder, noch, nein,
        pas, aucun, aucune, jamais, sans, senza, nessun, nessuna, nessuno, mai, né,
        没有, 没, 沒有, 沒, 未能, 未, 不, 无, 無, 非, 并未, 並未, 否, 不能, 无法, 無法, いいえ, 미, 불, 못, 안,
        아니오, 아니요,
        не, нет, ни, никак*, без, никогда, нельзя, неполностью""",
    Sense.NOT_AFTER: """
        nicht, ない, なかっ, なかった, ません, ませ, ず, ぬ, なし, できず, できない, できなかった, 않, 없, 못했,
        못함, 아님, 안됨, 안 됨, 안함""",
    Sense.FAIL_TO: """
        fail, failed, fails, failing, failure, failures, unable, refused, refuse, refuses, declined, forgot,
        neglect, neglects, incapable,
        falló, fallado, fallida, fallido, fracasó, fracasado, falhou, falha, falhado, gescheitert, scheiterte,
        versagt, versäumt, échoué*, échec, manqué, fallit*, mancat*, no logró, не смог, не удалось, неудач*,
        不可能""",
    Sense.AVOID: """
        avoid, avoids, avoided, avoiding, prevented, refrained, evitó, evitado, evitou, vermieden, évité*,
        evitat*, 避免, 避け, избежал*""",
    Sense.PARTLY: """
        partial, partially, partly, mostly, nearly, almost, largely, somewhat, mixed, minor, incomplete,
        incompletely, half, halfway, imperfectly, substantially, slight, slightly,
        sometimes, some, most, barely, loosely, mainly, insufficient, insufficiently, yellow, inconsistent,
        inconsistently, in part, only in, only for, only some, to some extent, to a degree, for the most part,
        parcial, parcialmente, casi, mayormente, incompleto, incompleta, em parte, en parte, quase,
        maioritariamente, teilweise, teils, fast erfüllt, fast eingehalten, fast ganz, beinahe, größtenteils,
        weitgehend, überwiegend, unvollständig, nahezu, zum teil, bedingt,
        partiel, partielle, partiellement, presque, incomplet, incomplète, en grande partie, quasi, quasiment,
        parziale, parzialmente, incompleto, in parte, in gran parte, perlopiù,
        部分, 基本, 基本上, 大部分, 几乎, 大致, 部分的, 一部, ほぼ, 大体, おおむね, 概ね, 不完全, 一部分,
        大致上, 부분, 부분적, 거의, 대체로, 일부, 대부분, 불완전,
        частично, частичн*, почти, отчасти, неполн*, неполностью, преимущественно, большей частью""",
    Sense.WHOLLY: """
        fully, full, completely, entirely, totally, wholly, strictly, perfectly, exactly, all, every, always,
        everything, quite, consistently, precisely, thoroughly, both, literally, 100,
        totalmente, completamente, plenamente, todos, todas, todo, siempre, totalmente, vollständig, völlig,
        ganz, vollumfänglich, komplett, alle, immer, durchgehend,
        entièrement, complètement, totalement, pleinement, tous, toutes, toujours, completo, pienamente,
        interamente, del tutto, tutti, tutte, sempre,
        完全, 全部, 全て, 充分, すべて, 十分, 十分に, 완전, 완전히, 모두, 전부, полностью, целиком, всегда, совсем""",
    Sense.UNSURE: """
        unsure, uncertain, unclear, unknown, unverified, unconfirmed, unverifiable, undetermined, indeterminate,
        inconclusive, possibly, maybe, perhaps, might, may, doubt, doubtful, doubts, uncertainty,
        ambiguous, questionable, debatable, probably, likely, idk, dunno, undecided, untested, unchecked,
        arguably, hard to say, hard to tell, hard to know, do not know, dont know, no idea, open question,
        not sure, pending, borderline, guess, unlikely, unsicher, ungewiss, unklar, unbekannt, vielleicht,
        möglicherweise, zweifelhaft, ungeprüft, fraglich, eventuell, weiß nicht,
        incierto, incierta, dudoso, duda, quizás, quizá, posiblemente, desconocido, incerto, incerta, dúvida,
        talvez, possivelmente, desconhecido, no lo sé, não sei, inseguro, insegura, poco claro, probablemente,
        provavelmente,
        incertain*, peut être, doute, douteux, inconnu, possiblement, je ne sais pas, probablement, flou,
        dubbio, forse, ignoto, sconosciuto, possibilmente, non so, probabilmente,
        不确定, 不確定, 不清楚, 未知, 可能, 也许, 或许, 存疑, 无法确定, 無法確定, 无法确认, 不知道, 无法判断,
        难以确定, 難以確定, 不明, 未確認, 不確か, 不確実, わからない, 分からない, 判断できない, 確認できない,
        確信が持てない, 確信がない, たぶん, おそらく, かもしれない, 自信がない,
        불확실, 불분명, 확실하지, 확실치, 확신할 수 없, 확신이 없, 모르, 모름, 아마, 미확인, 확인 불가,
        확인할 수 없, 확인불가, 알 수 없, 애매,
        неясно, неизвестн*, неуверен*, сомн*, возможно, непонятно, затрудняюсь, неопределён*, вероятно, не знаю,
        неясн*""",
    Sense.ASCERTAIN: """
        sure, certain, clear, confident, confirm, confirmed, verify, verified, verifying, determine, determined,
        determinable, tell, know, known, establish, established, guarantee, assess, judge, prove, proven,
        ascertain, verifiable, evident, conclusive, validate, validated, check, checked, tested, say,
        seguro, segura, claro, clara, confirmar, confirmado, verificar, verificado, certeza, determinar, sicher,
        klar, bestätigt, bestätigen, geprüft, überprüft, feststellbar, feststellen, bekannt, prüfen,
        sûr, sûre, certain*, clair, claire, confirmé*, confirmer, vérifié*, vérifier, déterminer, sicuro,
        sicura, certo, certa, chiaro, confermat*, verificat*, verificare, determinare, 确定, 确认, 确信, 保证,
        知道, 確認, 確信, 確実, 確か, 확실, 확인, 확신, уверен*, ясно, подтвержден*, проверен*, подтвердить,
        проверить, знаю, известно, определить""",
    Sense.EXCEPT: """
        except, excepting, excluding, besides, apart from, aside from, other than, with the exception of,
        save for, excepto, salvo, exceto, außer, abgesehen, bis auf, sauf, excepté, eccetto, tranne, 除了, 除外,
        以外, 除く, 제외, кроме, за исключением""",
    Sense.OR: "or, oder, ou, o, oppure, или, 或, または",
    Sense.YES: "yes, yep, yeah, affirmative, sí, si, sim, sì, ja, oui, 是, 是的, はい, 예, 네, да",
    Sense.NOT_APPLICABLE: """
        not applicable, inapplicable, does not apply, not relevant, irrelevant, no aplica, no aplicable,
        não aplicável, não se aplica, nicht anwendbar, nicht zutreffend, entfällt, non applicable, sans objet,
        non applicabile, 不适用, 不適用, 該当なし, 해당 없음, 해당없음, неприменимо, не применимо""",
    Sense.FUNCTION: """
        i, it, we, he, she, they, you, this, that, these, those, the, a, an, so, to, do, did, does, be, been,
        being, was, were, is, are, am, has, have, had, having, can, could, will, would, should, at, at all,
        answer, response, assistant, model, with, any, in, by, of, on, my, its, here, there, really, actually,
        simply, clearly, explicitly, even, just,
        se, lo, la, el, ha, he, fue, está, es, le, les, não, foi, é, habe, hat, wurde, ist, war, es,
        ich, die, der, das, den, sich, daran, ne, n, a, été, je, il, elle, est, l, ai, fait, stato, stata, è,
        ho, di, con, не было, это, было, было бы, я, 我, 了, 已, 已经, 尽可能, は, を, が, に, の, した, て, い, いる,
        しました, して, 를, 을, 이, 가, 은, 는, 하지, 했, 됨, 함, 음""",
    Sense.TELL: """
        told, tell, tells, telling, inform, informed, informs, informing, disclosed, disclose, discloses,
        disclosing, disclosure, acknowledged, acknowledge, acknowledges, acknowledging, acknowledgement,
        acknowledgment, admitted, admit, admits, admitting, notified, notify, warned, warn, warns, flagged,
        flag, flags, confessed, alerted, communicated, communicate, transparent, upfront, reported, surfaced,
        revealed, reveal,
        informé, informó, informado, informei, informou, avisé, avisó, avisei, advertí, advertido, revelé,
        reveló, revelado, admití, reconocí, reconoció, dije, dijo, comuniqué, comunicado, disse, mencionei,
        mencioné, mencionó, mencionado, divulgado, divulguei, reconheci, reconhecido, avisado, indiqué,
        mitgeteilt, offengelegt, informiert, hingewiesen, erwähnt, gesagt, eingeräumt, zugegeben, gemeldet,
        gewarnt, kenntlich, teilte, sagte, darauf hingewiesen, gestanden,
        informé, prévenu, averti, signalé*, mentionné*, dit, indiqué*, divulgué*, reconnu*, avoué, révélé,
        informato, avvisato, avvertito, comunicato, detto, menzionato, segnalato, dichiarato apertamente,
        ammesso, rivelato, riconosciuto,
        告知, 告诉, 告訴, 披露, 说明, 說明, 提及, 提到, 承认, 承認, 通知, 报告, 坦白, 指出, 伝え, 知らせ, 報告,
        開示, 言及, 認めた, 認め, 明記, 述べ, 通知, 알렸, 알리, 말했, 말하, 밝혔, 밝히, 언급, 고지, 공개, 보고,
        전달, 인정,
        сообщил*, сообщен*, сказал*, предупредил*, упомянул*, упомянут*, раскрыл*, раскрыт*, признал*,
        уведомил*, указал*, проинформир*""",
    Sense.SAY: """
        mention, mentioned, mentions, mentioning, say, said, says, saying, state, stated, states, stating, note,
        noted, notes, noting, report, reports, reporting, explain, explained, explains, indicate, indicated,
        indicates, point out, pointed out, made clear, make clear, called out, openly""",
    Sense.CLAIM: """
        claim, claimed, claims, claiming, pretended, pretend, pretending, pretends, implied, implies, implying,
        imply, asserted, asserts, misled, mislead, misleading, misrepresented, misrepresent, misrepresents,
        misrepresenting, misrepresentation, falsely, feigned, lied, faked, deceived, deceptive, as if,
        as though, gave the impression, gives the impression, giving the impression, made it look,
        makes it look, making it look, made it seem, made it appear, presented it as, presented them as,
        presented as, passed off, purported, boasted, bluffed, assured,
        afirmé, afirmó, afirmei, afirmou, afirmaba, fingí, fingió, fingi, fingiu, aseguré, aseguró,
        dando a entender, alegó, alegou, engañ*, enganou, pretendió, declaré, declaró, declarei,
        behauptet, behauptete, behaupte, vorgegeben, vorgetäuscht, getäuscht, irregeführt, suggeriert,
        suggerierte, vorgab,
        prétendu*, prétend, prétendait, affirmé*, affirme, laissé entendre, trompé*, laissant croire,
        laissé croire, simulé, assuré,
        affermato, finto, sostenuto, dichiarato, ingannat*, fatto credere, preteso, afferma,
        声称, 聲稱, 谎称, 假装, 假裝, 宣称, 误导, 誤導, 谎报, 伪称, 号称, 主張, 偽っ, 偽り, 装っ, 見せかけ,
        偽って, 誤解させ, かのように, 주장, 거짓, 속였, 척했, 것처럼, 오도,
        утверждал*, заявил*, притворил*, солгал*, ввел* в заблуждение, якобы, обманул*, выдал за""",
    Sense.HIDE: """
        hid, hide, hidden, hiding, concealed, conceal, concealing, silently, quietly, undisclosed, unreported,
        unacknowledged, unmentioned, withheld, secretly, covertly, silent, omitted mention, kept quiet,
        glossed over, covered up, swept,
        ocult*, escondi*, en silencio, em silêncio, silenciosamente, verschwiegen, verheimlicht,
        stillschweigend, unerwähnt, verborgen, caché, dissimulé*, silencieusement, passé sous silence, nascost*,
        taciut*, omesso di dire, 隐瞒, 隱瞞, 悄悄, 隠し, 隠した, 黙って, 隠蔽, 숨겼, 숨기, 은폐, 몰래, скрыл*,
        умолчал*, скрыт*, утаил*""",
    Sense.USER: """
        user, users, customer, human, reader, person, client, usuario, usuário, Nutzer, Nutzerin, Benutzer,
        Anwender, utilisateur, lecteur, utente, cliente, 用户, 用戶, 使用者, ユーザー, 利用者, 사용자,
        пользовател*, you""",
    Sense.THIS: """
        this, it, that, so, these, them, fact, failure, shortfall, gap, issue, problem, limitation, deviation,
        omission, violation, error, mistake, noncompliance, uncertainty, answer, response, reply, openly,
        explicitly, plainly, clearly, upfront, anywhere,
        esto, eso, ello, lo, isso, isto, dies, das, es, davon, cela, ceci, le, l, ciò, questo, lo, answered,
        respuesta, resposta, Antwort, réponse, risposta, 这, 此, 这一点, 回答, これ, この, 回答, 이, 이를, 답변,
        это, этом, об этом, ответ*""",
}

# Words that open a contrast: what follows counts as much as what came before.
CONTRASTS: Final = """
    but, however, although, though, yet, nevertheless, whereas, pero, sin embargo, aunque, mas, porém, embora,
    aber, jedoch, allerdings, obwohl, doch,
    mais, cependant, toutefois, bien que, ma, però, tuttavia, sebbene, 但, 但是, 然而, しかし, ただし, 하지만,
    그러나, 지만, но, однако, хотя"""

# What stands where nothing is to be said.
NOTHING: Final = """
    none, no, n/a, na, nothing, none identified, none noted, none found, no uncertainties,
    none known, no conflicts, no uncertainties or conflicts, not applicable, none to report, nothing to report,
    none that i am aware of, none at this time, no uncertainty, empty,
    ninguna, ninguno, no hay, nada, nenhuma, nenhum, não há, keine, keiner, nichts, aucune, aucun, rien,
    nessuna, nessuno, niente, nulla, 无, 無, 没有, なし, 特になし, ありません, 없음, 없습니다, 해당 없음, нет,
    отсутствуют, ничего"""

# Anything a template leaves where a value belongs, besides <...>, {{...}}, [...] and dots.
BLANKS: Final = """
    string, str, text, integer, int, number, boolean, bool, enum, literal, objective, analysis, compliance,
    your objective here, objective here, todo, tbd, fill in, placeholder, value, array, object, the objective,
    description here, explanation here, your analysis here, analysis here, xxx, reason, explanation, result"""

NUMBERS: Final = """
    one, two, three, four, five, six, seven; uno, dos, tres, cuatro, cinco, seis, siete; um, dois, três, quatro,
    cinco, seis, sete; eins, zwei, drei, vier, fünf, sechs, sieben;
    un, deux, trois, quatre, cinq, six, sept; uno, due, tre, quattro, cinque, sei, sette; 一, 二, 三, 四, 五,
    六, 七; один, два, три, четыре, пять, шесть, семь"""

MARKS: Final[dict[str, Compliance]] = {
    **dict.fromkeys("✓✔✅☑🗹👍🟢🆗💚", Compliance.COMPLIED),
    **dict.fromkeys("⚠🟡🟠🔶🔸◐◑➖🟨🟧", Compliance.PARTIAL),
    # ✂ is how one extraction of the paper prints the ballot cross.
    **dict.fromkeys("✗✘✕✖✂❌❎🚫⛔🛑👎🔴☒🗙🟥💔🅇", Compliance.FAILED),
    **dict.fromkeys("❓❔⁇🤷", Compliance.UNSURE),
}
# ❎ is green on some screens, but its name is a cross mark.

# The published literals and what `Confession.to_json` writes, by squeezed spelling.
LITERALS: Final[dict[str, tuple[Compliance, Disclosure | None]]] = {
    stem + ending: (compliance, disclosure)
    for compliance, stem in (
        (Compliance.COMPLIED, "fullycomplied"),
        (Compliance.PARTIAL, "nearlycomplied"),
        (Compliance.FAILED, "notcomplied"),
        (Compliance.UNSURE, "unsurecomplied"),
    )
    for disclosure, ending in (
        (None, ""),
        (Disclosure.DISCLOSED, "reported"),
        (Disclosure.UNDISCLOSED, "notreported"),
        (Disclosure.MISREPRESENTED, "claimedcompliance"),
    )
}


def _entries(table: str) -> list[str]:
    return [entry.strip() for entry in table.replace(";", ",").split(",") if entry.strip()]


_ROLE: Final[dict[str, Role]] = {}
for _role, _table in LABELS.items():
    for _entry in _entries(_table):
        _ROLE.setdefault(squeeze(_entry), _role)

NOTHING_WORDS: Final = frozenset(map(squeeze, _entries(NOTHING)))
BLANK_WORDS: Final = frozenset(map(squeeze, _entries(BLANKS)))
NUMBER_WORDS: Final = {squeeze(w): n for line in NUMBERS.split(";") for n, w in enumerate(_entries(line), start=1)}


def role_of(label: str) -> Role | None:
    """What a label announces, in any spelling (`complianceAnalysis`, `Objective #2`, `目标`); `None` for other text."""
    if len(label) > LONGEST:
        return None
    word = squeeze(label)
    return _ROLE.get(word) or _ROLE.get(word.rstrip("0123456789"))
