// A saved report: the same pictures as on the pages, from numbers in the file.
import { names, startComparison, startSearchTable } from "./compare.js";
import { startCurves } from "./curves.js";
import { paintSwatches, startScrollers } from "./dom.js";
import { startEvaluation } from "./evaluation.js";

paintSwatches();
startCurves(names());
startEvaluation();
startComparison();
startSearchTable();
startScrollers();
